"""What the search for flags builds: choices that this toolchain accepts, and modules, each built once.

A candidate is a variant named after the digest of its flags, built as any variant is. All candidates carry
the same text in place of their flags, so that flags which change no code give equal modules.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.build import artifact_inputs, artifacts, flag_check, profiles, refusals, unwinding
from pipeline.core import own_code, paths
from pipeline.core.artifact import BuildSpec, load_record
from pipeline.core.errors import BuildError
from pipeline.core.files import digest_of, read_json, sha256, write_atomic, write_json
from pipeline.core.host import fingerprint
from pipeline.core.model import Workload
from pipeline.experiment.search_space import Choice, Space, combine
from pipeline.experiment.variants_table import digest
from pipeline.measure.training_run import training
from toolchain import wasm_opt
from toolchain.model import NATIVE, TARGETS, WASM, Toolchain, Variant

#: A compiler is killed that takes so many times as long as all of the first build, and at least so long, s.
_PATIENCE, _LEAST_PATIENCE_S = 10.0, 10.0
#: What every candidate prints as its flags.
TEXT = "searched by doit run tune"


@dataclass(frozen=True)
class Built:
    """A candidate, and the module that it gives."""

    variant: Variant
    #: Digests of its artifacts, of each workload and target: equal ones run the same code. None without one.
    module: str | None
    #: {workload: size of the wasm module, or of the program where only that is wanted}
    bytes: Mapping[str, int]
    reason: str = ""  # why there is none


class CandidateBuilder:
    """One toolchain with what all candidates have in common."""

    def __init__(self, workloads: Sequence[Workload], toolchain: Toolchain, targets: Sequence[str]) -> None:
        self.workloads, self.toolchain = workloads, toolchain
        self.targets = [t for t in TARGETS if t in targets]
        self._programs = [
            (workload, target)
            for workload in workloads
            for target in self.targets
            if workload.native or target != NATIVE
        ]
        self.first_s = 0.0  # that the first build took, all of it; 0 where it is not known
        self._profiles: dict[str, str] = {}  # digests of those that were asked for
        identity = paths.toolchain_identity(toolchain.name)
        files = {*artifact_inputs.code(toolchain), identity}
        for workload, target in self._programs:
            files.update(artifact_inputs.sources(workload))
            files.update(artifact_inputs.linked(workload, toolchain, target))
        #: Digest of everything but the flags that decides a module.
        self.basis = digest_of(
            {
                "files": {path: own_code.digest(path) for path in sorted(files)},
                "wasm_opt": wasm_opt.identify().digest,
                "text": TEXT,
                "workloads": [repr(replace(workload, folder="")) for workload in workloads],
                "host": fingerprint(),
            }
        )

    def without_refused(self, space: Space) -> tuple[Space, dict[str, dict[str, str]]]:
        """The space without the choices that are refused, and {dimension: {label: why}} of those."""
        path = paths.asked(self.toolchain.name)
        answers = _read_answers(path, self.basis)
        asked = [
            (name, choice, number)
            for name, choices in space.dimensions.items()
            for choice in choices
            for number in dict.fromkeys([choice.low, choice.high if choice.low is not None else None])
        ]

        def ask(one: tuple[str, Choice, int | None]) -> str:
            return self._doubt(one[1].at(one[2]), answers)

        with _pool() as pool:
            doubts = list(pool.map(ask, asked))
        write_json(path, {"basis": self.basis, "answers": answers})
        refused: dict[str, dict[str, str]] = {}
        for (name, choice, _), why in zip(asked, doubts, strict=True):
            if why:
                refused.setdefault(name, {}).setdefault(choice.label, why)
        return space.without(refused), refused

    def _without_profile(self) -> str:
        """Why there is no profile of one of the workloads; "" where all have one. They are made once."""
        for workload in self.workloads:
            profile = profiles.file(workload, self.toolchain)
            if self._profiles.get(profile) is None:
                profiles.make(workload, self.toolchain, training(workload))
                self._profiles[profile] = sha256(profile)
            refusal = refusals.load(profile)
            if refusal is not None:
                return refusal.refused
        return ""

    def _doubt(self, variant: Variant, answers: dict[str, str]) -> str:
        """Why the toolchain refuses a variant; "" if it accepts it. Answers are remembered."""
        if profiles.uses(variant) and (why := self._without_profile()):
            return why  # not remembered, for the same reason
        for target in self.targets:
            if variant.wasm_opt is not None:
                # Not remembered: it may be installed later.
                absent = wasm_opt.missing() if target == WASM else "wasm-opt rewrites wasm modules only"
                if absent:
                    return absent
            key = f"{target} {digest(variant)}"
            if key not in answers:
                try:
                    answers[key] = flag_check.refusal_of(self.toolchain, variant, target)
                except BuildError as error:  # it died: of this flag, or by accident; asked again next time
                    return str(error)
            if answers[key]:
                return answers[key]
        return ""

    def candidate(self, variant: Variant) -> Built:
        """Build a nameless variant as a candidate."""
        return self.build(replace(variant, name=f"tune-{digest(variant)[:12]}", text=TEXT))

    def build(self, variant: Variant, tries: int = 2) -> Built:
        """Build a variant for every target, unless it was built from the same inputs.

        A compiler that dies is run once more: it may have been killed, or memory was short. The second
        time it is a finding about the flags; a full disk never is, and raises DiskFull.
        """
        counted = self._profiles if profiles.uses(variant) else {}
        key = digest_of([self.basis, counted, variant.text, digest(variant)])
        specs, began = self._specs(variant), time.monotonic()
        if not all(_is_current(spec, key) for spec in specs):
            try:
                self._compile_and_link(variant)
            except BuildError as error:
                if tries == 1:
                    return Built(variant, None, {}, str(error))
                return self.build(variant, tries - 1)
            for spec in specs:
                write_atomic(_key_path(spec), key)
            if not self.first_s:
                self.first_s = time.monotonic() - began
        records = [load_record(spec.artifact) for spec in specs]
        reason = next((str(r.reason) for r in records if not r.present), "")
        if reason:
            return Built(variant, None, {}, reason)
        sizes: dict[str, int] = {}
        for spec, record in zip(specs, records, strict=True):  # the wasm module is the first of the targets
            sizes.setdefault(spec.workload.name, record.bytes or 0)
        return Built(variant, "+".join(r.sha256 or "" for r in records), sizes)

    def _compile_and_link(self, variant: Variant) -> None:
        if variant.text is None:
            flag_check.check_flags(self.toolchain, variant, self.targets, f"variant {variant.name}")
        else:
            # Choices that are fine one by one may not be so together.
            doubts = {
                target: flag_check.refusal_of(self.toolchain, variant, target) for target in self.targets
            }
            refused = {target: why for target, why in doubts.items() if why}
            flag_check.record_refusals(self.toolchain, variant, refused)
        for workload in self.workloads:
            unwinding.ask(workload, self.toolchain)
        specs = self._specs(variant)
        work = [(spec, source) for spec in specs for source in spec.workload.sources]

        def compile_(one: tuple[BuildSpec, str]) -> None:
            artifacts.compile_object(*one)

        with _pool() as pool:
            list(pool.map(compile_, work))
        for spec in specs:
            artifacts.link(spec)
        for spec, source in work if variant.text is not None else ():
            Path(spec.object_path(source)).unlink()  # there are many candidates
            Path(refusals.words_path(spec.object_path(source))).unlink(missing_ok=True)

    def _specs(self, variant: Variant) -> list[BuildSpec]:
        # A combination of flags can keep a compiler busy for ever. How long is too long, the first one tells.
        most_s = None
        if variant.text is not None and self.first_s:
            most_s = max(_LEAST_PATIENCE_S, _PATIENCE * self.first_s)
        return [
            BuildSpec(workload, self.toolchain, variant, target, most_s)
            for workload, target in self._programs
        ]

    def minimal(self, parts: Sequence[Variant], time_left: Callable[[], bool]) -> Variant:
        """The same module with as few flags: what can go without a change to it goes, while there is time."""
        left = list(parts)
        module = self.candidate(combine(left)).module
        unlinked = [replace(part, link=()) for part in left]
        # Most often no option of the linker has an effect (llvm in tune_table.py): one build instead of many.
        if module is not None and self.candidate(combine(unlinked)).module == module:
            left = unlinked
        for place in range(len(left)):
            for less in _reduced(left[place]) if time_left() else ():
                tried = [*left[:place], less, *left[place + 1 :]]
                if module is not None and self.candidate(combine(tried)).module == module:
                    left = tried
                    break
        return combine(left)


def _is_current(spec: BuildSpec, key: str) -> bool:
    artifact = spec.artifact
    try:
        record = load_record(artifact)
        whole = not record.present or record.sha256 == sha256(artifact.path)
        return whole and Path(_key_path(spec)).read_text(encoding="utf-8") == key
    except (OSError, ValueError):
        return False


def _key_path(spec: BuildSpec) -> str:
    return f"{spec.artifact.directory}/key"


def _reduced(part: Variant) -> Iterator[Variant]:
    """What may be left of a part without some of its words, the least first."""
    fields: Mapping[str, Any] = {"flags": (), "link": (), "wasm_opt": None}
    filled = [key for key, empty in fields.items() if getattr(part, key) != empty]
    if filled:
        yield Variant(part.name, ())
    if len(filled) > 1:
        for key in filled:
            yield replace(part, **{key: fields[key]})


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1)


def _read_answers(path: str, basis: str) -> dict[str, str]:
    try:
        record = read_json(path)
        return dict(record["answers"]) if record["basis"] == basis else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
