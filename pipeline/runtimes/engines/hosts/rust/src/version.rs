//! Which release of a package this program was made of.

use std::fs::File;
use std::io::{self, Read};

/// Bytes of a path that are looked at, from the package's name on.
const LONGEST: usize = 200;

/// The release of a package, as the compiler wrote it into this program: the paths of its source files, which
/// every place that can panic has. "none", or several with "and", where that is not one.
///
/// No list of ours can say otherwise: it is in the code that runs.
pub fn own_version(package: &str) -> String {
    let found = own_file().and_then(|program| versions(program, package));
    match found {
        Ok(found) if !found.is_empty() => found.join(" and "),
        _ => "none".into(),
    }
}

/// The file that this code is mapped from: /proc/self/exe is a loader, where one was named as the program.
fn own_file() -> io::Result<File> {
    let here = own_version as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let has_it = |line: &&str| {
        let (start, rest) = line.split_once('-')?;
        let end = rest.split_once(' ')?.0;
        let address = |digits| usize::from_str_radix(digits, 16).ok();
        Some((address(start)?..address(end)?).contains(&here))
    };
    let line = maps.lines().find(|line| has_it(line) == Some(true)).unwrap_or_default();
    File::open(line.find('/').map_or("/proc/self/exe", |at| &line[at..]))
}

/// In pieces: the peak of this process's memory is a result.
fn versions(mut program: impl Read, package: &str) -> io::Result<Vec<String>> {
    let name = format!("/{package}-").into_bytes();
    let mut found = Vec::new();
    let mut piece = Vec::new();
    let mut block = [0; 1 << 16];
    loop {
        let got = program.read(&mut block)?;
        piece.extend_from_slice(&block[..got]);
        let last = if got == 0 { piece.len() } else { piece.len().saturating_sub(LONGEST) };
        for start in (0..last).filter(|&start| piece[start] == b'/') {
            if let Some(version) = version_at(&piece[start..], &name) {
                if !found.contains(&version) {
                    found.push(version);
                }
            }
        }
        if got == 0 {
            return Ok(found);
        }
        piece.drain(..last);
    }
}

/// Of bytes that are "/PACKAGE-VERSION/src/…".
fn version_at(bytes: &[u8], name: &[u8]) -> Option<String> {
    let rest = bytes.strip_prefix(name)?;
    let end = rest.iter().take(LONGEST).position(|&byte| byte == b'/')?;
    let is_one = rest[0].is_ascii_digit() && rest[end..].starts_with(b"/src/");
    is_one.then(|| String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{own_file, versions};
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_file_is_this_programs() {
        let number = |file: std::fs::File| file.metadata().unwrap().ino();
        assert_eq!(number(own_file().unwrap()), std::fs::metadata("/proc/self/exe").unwrap().ino());
    }

    #[test]
    fn versions_are_those_of_source_files() {
        let program = b"\0c/wasmi-2.0.0/src/a.rs\0c/wasmi-2.0.0/src/b.rs\0/wasmi-x/src/wasmi_ir-3.0.0/src/";
        let found = |program: &[u8], package| versions(program, package).unwrap();
        assert_eq!(found(program, "wasmi"), ["2.0.0"]);
        assert_eq!(found(program, "wasmi_ir"), ["3.0.0"]);
        assert_eq!(found(program, "wasm"), [""; 0]);
        assert_eq!(found(b"/a-1.0.0/src/x /a-1.1.0/src/y /a-", "a"), ["1.0.0", "1.1.0"]);
    }

    #[test]
    fn they_are_found_wherever_pieces_of_the_file_end() {
        for before in (1 << 16) - 20..(1 << 16) + 20 {
            let program = [vec![b'/'; before], b"/wasmi-2.0.0/src/a.rs".to_vec()].concat();
            assert_eq!(versions(&program[..], "wasmi").unwrap(), ["2.0.0"]);
        }
    }
}
