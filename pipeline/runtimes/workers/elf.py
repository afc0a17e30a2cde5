"""What is asked of native code here: sections of 64-bit little-endian ELF images, and how much a JIT made."""

import struct

_MACHINES = {62: "x86-64", 183: "aarch64", 243: "riscv"}


def machine(data: bytes) -> str:
    """The instruction set of the image."""
    number = struct.unpack_from("<H", data, 18)[0]
    return _MACHINES.get(number, "machine %d" % number)


def section(data: bytes, name: str) -> bytes:
    """The content of a section; raises ValueError where there is none of that name."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF image")
    table = struct.unpack_from("<Q", data, 40)[0]
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    names_at = headers[names][4]
    for header in headers:
        start = names_at + header[0]
        if data[start : data.index(b"\0", start)] == name.encode():
            return data[header[4] : header[4] + header[5]]
    raise ValueError("no section %s" % name)


def executable_bytes() -> int:
    """Bytes of anonymous executable memory: where a JIT engine's code lies, in whole pages."""
    total = 0
    with open("/proc/self/maps") as stream:
        for line in stream:
            fields = line.split()
            if "x" in fields[1] and len(fields) < 6:
                first, last = fields[0].split("-")
                total += int(last, 16) - int(first, 16)
    return total
