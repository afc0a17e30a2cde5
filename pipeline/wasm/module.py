"""What a WebAssembly module holds, as ``wasm.parse`` finds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.wasm.instructions import WasmError

PAGE_BYTES = 65536


@dataclass(frozen=True)
class Section:
    """Where a section's content lies; ``name`` is that of a custom section."""

    id: int
    name: str
    offset: int  # of the content (of a custom section: behind its name), bytes from the start of the file
    size: int  # of the content, bytes


@dataclass(frozen=True)
class Signature:
    """A function type: names of value types."""

    parameters: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.parameters)}) -> ({', '.join(self.results)})"


@dataclass(frozen=True)
class Limits:
    """A memory's size in pages, or a table's in elements; ``maximum`` is None where there is none."""

    minimum: int
    maximum: int | None
    shared: bool
    wide: bool  # 64-bit addresses


@dataclass(frozen=True)
class Table:
    """A table; ``type`` is one of REFERENCE_TYPES."""

    type: str
    limits: Limits


@dataclass(frozen=True)
class Global:
    """A global variable; ``value`` is None where it is imported or not one constant integer."""

    type: str
    mutable: bool
    value: int | None


@dataclass(frozen=True)
class Import:
    """``kind`` is function, table, memory, global or tag."""

    module: str
    name: str
    kind: str


@dataclass(frozen=True)
class Export:
    """``index`` counts things of its kind, imported ones too."""

    name: str
    kind: str
    index: int


@dataclass(frozen=True)
class Data:
    """A data segment; ``address`` is None where it is passive or not one constant."""

    flags: int
    address: int | None
    size: int  # bytes


@dataclass(frozen=True)
class Elements:
    """An element segment, and the functions in it."""

    flags: int
    table: int
    type: str
    functions: tuple[int, ...]


@dataclass(frozen=True)
class Function:
    """A function whose body is here; ``index`` counts imported functions too."""

    index: int
    name: str  # from the name section or an export, else "function 12"
    type: Signature
    start: int  # offset of the body in the file, bytes
    body: bytes = field(repr=False)  # as in the code section: local variables, then instructions


@dataclass
class Module:
    """What a module holds; all lists that code refers to by index begin with what is imported."""

    sections: list[Section] = field(default_factory=list)
    types: list[Signature] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)  # of functions, by index
    names: list[str] = field(default_factory=list)  # of functions, by index
    tables: list[Table] = field(default_factory=list)
    memories: list[Limits] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    tags: list[Signature] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elements: list[Elements] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)  # those with a body
    data: list[Data] = field(default_factory=list)
    global_names: dict[int, str] = field(default_factory=dict)
    producers: dict[str, dict[str, str]] = field(default_factory=dict)  # {field: {name: version}}
    target_features: list[str] = field(default_factory=list)  # as declared: "+simd128"
    data_count: int | None = None  # as declared, for code that refers to data segments
    initialiser_opcodes: set[int] = field(default_factory=set)  # without end

    def section_bytes(self, number: int) -> int:
        """Size of the content of the sections of an id."""
        return sum(s.size for s in self.sections if s.id == number)

    def type_at(self, index: int, offset: int) -> Signature:
        """A type that a byte of the file refers to; raises WasmError where there is none."""
        if index >= len(self.types):
            raise WasmError(f"type {index} of {len(self.types)}", offset)
        return self.types[index]
