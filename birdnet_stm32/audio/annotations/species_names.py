"""Find the class of a model that a name means: a scientific name, a common name or an eBird code.

English names differ by year and by place (Rock Dove, Rock Pigeon), scientific names less. So a scientific
name decides before a common one. Case, blanks, hyphens and apostrophes make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from birdnet_stm32.audio.annotations.columns import folded
from birdnet_stm32.errors import InputError
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

_KINDS = ("label", "scientific name", "common name", "code")


@dataclass(frozen=True, kw_only=True)
class Species:
    """The names of one species. Each may be empty.

    Args:
        label: name of the class of the model.
        scientific_name: such as ``Turdus merula``.
        common_name: in any language.
        code: of eBird, such as ``eurbla``.
        line: where it stands, for errors.
    """

    label: str = ""
    scientific_name: str = ""
    common_name: str = ""
    code: str = ""
    line: str = ""


@dataclass(frozen=True, kw_only=True)
class SpeciesNames:
    """All names that mean a class of a model.

    Args:
        labels: classes of the model, in the order of its outputs.
        meanings: for each kind of name, the classes that each name without blanks and case may mean.
        others: names of species in the user's table that are no class of the model.
    """

    labels: tuple[str, ...]
    meanings: Mapping[str, Mapping[str, tuple[str, ...]]]
    others: frozenset[str] = field(default_factory=frozenset)

    def label_of(self, name: str) -> str | None:
        """Return the class that a name means; None if it means none.

        A subspecies (``Motacilla alba yarrellii``) means its species, if it is not known itself.

        Args:
            name: as somebody wrote it.

        Raises:
            InputError: it means several classes. The message names them.
        """
        found = self._meaning(name)
        words = name.split()
        if found is None and len(words) == 3 and words[1].islower() and words[2].islower():
            found = self._only("scientific name", " ".join(words[:2]))
        if found is None and "_" in name:  # a label of another model, with another common name
            scientific, common = parts_of(name)
            found = self._only("scientific name", scientific) or self._only("common name", common)
        return found

    def label_of_any(self, names: Iterable[str]) -> str | None:
        """Return the class that the first known one of several names of one species means; None if none does.

        Raises:
            InputError: as :meth:`label_of`.
        """
        return next((label for label in map(self.label_of, names) if label is not None), None)

    def suggestion(self, name: str) -> str:
        """Return the question whether a similar name was meant; empty if none is, or the name is known."""
        if folded(name) in self.others:
            return ""
        known = {folded(one): one for label in self.labels for one in (label, *parts_of(label)) if one}
        for kind in _KINDS[1:]:
            known.update({one: known.get(one, labels[0]) for one, labels in self.meanings[kind].items()})
        meant = did_you_mean(folded(name), known)
        key = meant.removeprefix("did you mean ").removesuffix("?")
        return f"did you mean {printable(known[key], longest=80)}?" if key else ""

    def _meaning(self, name: str) -> str | None:
        return next((found for kind in _KINDS if (found := self._only(kind, name)) is not None), None)

    def _only(self, kind: str, name: str) -> str | None:
        labels = self.meanings[kind].get(folded(name), ())
        if len(labels) > 1:
            shown = " and ".join(repr(printable(label, longest=80)) for label in labels[:3])
            raise InputError(
                f"the {kind} {printable(name, longest=80)!r} means {shown}",
                where="annotations",
                expected="a name of one species",
                remedy="use scientific names in the annotations, or a table of names ([evaluate] names)",
            )
        return labels[0] if labels else None


def parts_of(label: str) -> tuple[str, str]:
    """Return the scientific and the common name in a label as BirdNET writes it; empty where there is none.

    >>> parts_of("Turdus merula_Eurasian Blackbird"), parts_of("Dog_Dog"), parts_of("house_sparrow")
    (('Turdus merula', 'Eurasian Blackbird'), ('Dog', 'Dog'), ('', ''))
    """
    scientific, separator, common = label.partition("_")
    if not separator:
        return "", ""
    if " " in scientific.strip() or scientific == common:
        return scientific, common
    return "", common if " " in common.strip() else ""


def species_names(
    labels: Sequence[str], table: Sequence[Species] = (), *, where: str | Path = "names"
) -> SpeciesNames:
    """Return all names that mean the classes of a model.

    Args:
        labels: classes of the model, in the order of its outputs.
        table: more names, from a table of the user. A species may have several entries, for its synonyms and
            for several languages. Species that are no class of the model are allowed, and remembered.
        where: name of that table in errors.

    Raises:
        InputError: no entry of the table belongs to a class, or an entry says that one name of one kind means
            two classes.
    """
    meanings: dict[str, dict[str, tuple[str, ...]]] = {kind: {} for kind in _KINDS}
    for own_label in labels:
        for kind, name in zip(_KINDS, (own_label, *parts_of(own_label)), strict=False):
            _add(meanings[kind], name, own_label)
    own = SpeciesNames(labels=tuple(labels), meanings={kind: dict(meanings[kind]) for kind in _KINDS})
    others: set[str] = set()
    given: dict[tuple[str, str], str] = {}
    known = 0
    for species in table:
        names = (species.label, species.scientific_name, species.common_name, species.code)
        label = _class_of(species, own)
        if label is None:
            others.update(folded(name) for name in (*names, *parts_of(species.label)) if name)
            continue
        known += 1
        for kind, name in zip(_KINDS, names, strict=True):
            before = given.setdefault((kind, folded(name)), label) if name else label
            if before != label:
                raise _two_meanings(kind, name, before, label, species.line or str(where))
            _add(meanings[kind], name, label)
    if table and not known:
        raise InputError(
            "has names of species, but of none that the model knows",
            where=where,
            expected=f"classes such as {printable(labels[0], longest=80)!r}, in the column label or "
            "scientific_name",
        )
    return SpeciesNames(labels=tuple(labels), meanings=meanings, others=frozenset(others))


def _class_of(species: Species, own: SpeciesNames) -> str | None:
    """Return the class of an entry of a table: by its label, else its scientific, else its common name."""
    if species.label:
        return own.label_of(species.label)
    if species.scientific_name:
        return own.label_of(species.scientific_name)
    return own.label_of(species.common_name) if species.common_name else None


def _add(meanings: dict[str, tuple[str, ...]], name: str, label: str) -> None:
    key = folded(name)
    if key and label not in meanings.get(key, ()):
        meanings[key] = (*meanings.get(key, ()), label)


def _two_meanings(kind: str, name: str, first: str, second: str, where: str) -> InputError:
    return InputError(
        f"the {kind} {printable(name, longest=80)!r} means {printable(first, longest=80)!r} and "
        f"{printable(second, longest=80)!r}",
        where=where,
        expected="one species for each name; in another language the name may mean another bird",
        remedy="remove the name from one of the two",
    )
