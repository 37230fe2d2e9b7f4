from __future__ import annotations

import re

import pytest

from prismd.errors import ModelError
from prismd.models.catalog import ALIASES, CATALOG, DEFAULTS, find, spoken_name
from prismd.models.entry import HuggingFace, ModelEntry, Wheel

ENTRIES = pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.name)


@ENTRIES
def test_every_file_has_bytes_a_hash_and_a_source(entry: ModelEntry) -> None:
    for file in entry.files:
        assert file.size_bytes > 0
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.sources


@ENTRIES
def test_every_wheel_is_pinned_to_a_version(entry: ModelEntry) -> None:
    wheels = [s for file in entry.files for s in file.sources if isinstance(s, Wheel)]
    for part in (part for wheel in wheels for part in wheel.parts):
        assert re.fullmatch(r"\d+(\.\d+)+", part.version)
        assert part.member.startswith(part.package.replace("-", "_") + "/")


@ENTRIES
def test_every_hub_revision_is_a_commit(entry: ModelEntry) -> None:
    sources = [s for file in entry.files for s in file.sources if isinstance(s, HuggingFace)]
    for source in sources:
        assert re.fullmatch(r"[0-9a-f]{40}", source.revision)


@ENTRIES
def test_an_entry_says_all_that_its_role_needs(entry: ModelEntry) -> None:
    assert entry.licence
    assert entry.languages
    assert entry.max_tokens > 0
    assert entry.memory_bytes > entry.size_bytes
    assert (entry.dim > 0) == (entry.role in ("embedding", "image"))
    assert (entry.edge_px > 0) == (entry.role == "image")
    assert (0 < entry.least_similarity < 1) == (entry.role == "image")


def test_names_are_unique() -> None:
    names = [entry.name for entry in CATALOG]
    assert len(set(names)) == len(names)


def test_every_default_is_in_the_catalogue_with_its_role() -> None:
    assert {role: find(name).role for role, name in DEFAULTS.items()} == {r: r for r in DEFAULTS}


@pytest.mark.parametrize("alias", ALIASES)
def test_a_short_name_is_a_models_and_no_models_own(alias: str) -> None:
    assert find(alias).name == ALIASES[alias]
    assert spoken_name(find(alias).name) == alias
    assert alias not in {entry.name for entry in CATALOG}


def test_a_model_without_a_short_name_is_called_by_its_own() -> None:
    assert spoken_name("bge-small-en-v1.5") == "bge-small-en-v1.5"


def test_pictures_are_a_space_of_their_own() -> None:
    assert find("clip").space.content == "picture"
    assert find("bge-small-en-v1.5").space.content == "passage"


def test_other_weights_make_another_space() -> None:
    entry = find("bge-small-en-v1.5")
    assert entry.space.revision == entry.files[0].sha256[:12]
    assert entry.space.dim == 384


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ModelError, match=r"bge-small-en-v1\.5"):
        find("no-such-model")
