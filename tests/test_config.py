from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.answer.evidence import EvidenceSettings
from prismd.chunk import Chunking
from prismd.config import SECTIONS, Folder, default_path, describe, load
from prismd.daemon import parameters
from prismd.errors import ConfigError
from prismd.models import catalog
from prismd.schedule.schedule import Schedule
from prismd.search.searching import SearchSettings
from prismd.store.files import Root

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def settings(config: Any) -> dict[str, Any]:
    return {setting.key: setting.value for setting in describe(config)}


def uncommented() -> str:
    """The example with every option in force: options are the lines with # and no blank."""
    return re.sub(r"^#(?=\S)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_without_a_file_every_setting_is_at_its_default(home: Path) -> None:
    config = load(env={})
    assert config.file is None
    assert config.server.port == 7776
    assert config.data_dir.is_relative_to(home)
    assert {setting.source for setting in describe(config)} == {"default"}


def test_the_default_file_is_read_when_it_is_there() -> None:
    default_path().parent.mkdir(parents=True)
    default_path().write_text("[server]\nport = 7000\n")
    assert load(env={}).server.port == 7000


def test_flag_goes_before_environment_before_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 7001\n[search]\nlimit = 7\n[log]\nlevel = 'debug'\n")
    env = {"PRISMD_SERVER_PORT": "7002", "PRISMD_SEARCH_LIMIT": "8"}
    config = load(file, env, {"server.port": 7003, "search.limit": None})
    assert (config.server.port, config.search.limit, config.log.level) == (7003, 8, "debug")
    sources = {setting.key: setting.source for setting in describe(config)}
    assert sources["server.port"] == "flag"
    assert sources["search.limit"] == "environment PRISMD_SEARCH_LIMIT"
    assert sources["log.level"] == str(file)
    assert sources["server.host"] == "default"


def test_the_environment_names_the_file_and_an_argument_goes_before_it(tmp_path: Path) -> None:
    named = write(tmp_path, "[server]\nport = 7001\n")
    other = tmp_path / "other.toml"
    other.write_text("[server]\nport = 7002\n")
    env = {"PRISMD_CONFIG": str(named)}
    assert load(env=env).server.port == 7001
    assert load(other, env).server.port == 7002


@pytest.mark.parametrize(
    ("env", "key", "value"),
    [
        ({"PRISMD_PORT": "7005", "PRISMD_SERVER_PORT": "7006"}, "server.port", 7005),
        ({"PRISMD_SERVER_AUTH": "false"}, "server.auth", False),
        ({"PRISMD_INDEX_JUNK": "0"}, "index.junk", False),
        ({"PRISMD_SEARCH_VECTOR_WEIGHT": "0.5"}, "search.vector_weight", 0.5),
        ({"PRISMD_MODELS_RERANKING": ""}, "models.reranking", ""),
        ({"PRISMD_DATA_DIR": "/srv/prismd"}, "data_dir", Path("/srv/prismd")),
    ],
)
def test_variables_set_scalars(env: dict[str, str], key: str, value: Any) -> None:
    assert settings(load(env=env))[key] == value


def test_every_scalar_has_a_variable_and_lists_have_none() -> None:
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            default = field.default
            name = f"PRISMD_{section}_{field.name}".upper()
            if isinstance(default, tuple):
                with pytest.raises(ConfigError, match=f"{name}.*list"):
                    load(env={name: "x"})
            else:
                text = "" if default is None else str(default).lower()
                text = default if isinstance(default, str) else text
                assert settings(load(env={name: text}))[f"{section}.{field.name}"] == default


def test_variables_that_are_no_setting_are_left_alone() -> None:
    assert load(env={"PRISMD_GENERATION_KEY_OF_MINE": "secret"}).sources == {}


def test_relative_paths_start_at_the_file_and_a_tilde_at_home(tmp_path: Path, home: Path) -> None:
    file = write(
        tmp_path,
        'data_dir = "d"\n[[folders]]\npath = "~/Documents"\n[[folders]]\npath = "notes"\n'
        '[models]\ndir = "m"\n',
    )
    config = load(file, {})
    assert config.data_dir == tmp_path / "d"
    assert config.models_dir == tmp_path / "m"
    assert [folder.path for folder in config.folders] == [home / "Documents", tmp_path / "notes"]


def test_folders_of_the_command_line_come_after_those_of_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[[folders]]\npath = "a"\nhidden = true\n')
    config = load(file, {}, {"folders": [tmp_path / "b", tmp_path / "a"]})
    assert config.folders == (
        Folder(path=tmp_path / "a", hidden=True),
        Folder(path=tmp_path / "b"),
    )
    sources = {setting.key: setting.source for setting in describe(config)}
    assert (sources["folders.0"], sources["folders.1"]) == (str(file), "flag")


def test_a_folder_of_the_command_line_may_be_called_as_a_home_is_elsewhere(home: Path) -> None:
    for name in ("~", "~nobody-here"):
        assert load(env={}, flags={"folders": [Path(name)]}).folders[0].path == Path.cwd() / name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nprot = 1", '[server] prot: unknown key; did you mean "port"?'),
        ("[serer]\nport = 1", 'serer: unknown key; did you mean "server"?'),
        ("[log]\nqqq = 1", "[log] qqq: unknown key; allowed are level, file"),
        ("server = 3", "server: 3 given; make it a table, [server]"),
        ("[server]\nport = 0", "[server] port: 0 given; give a whole number from 1 to 65535"),
        ("[server]\nport = true", "[server] port: true given; give a whole number"),
        ('[server]\nport = "7"', '[server] port: "7" given; give a whole number'),
        ("[server]\nauth = 1", "[server] auth: 1 given; give true or false"),
        ("[index]\nrescan_s = 0", "[index] rescan_s: 0 given; give a number above 0"),
        ("[index]\nworkers = -1", "[index] workers: -1 given; give a whole number of at least 0"),
        ("[index]\nexclude = 'x'", '[index] exclude: "x" given; give a list of texts'),
        ("[search]\nrerank = 'x'", '"x" given; give one of "always", "auto", "never"'),
        ("[search]\nvector_weight = nan", "[search] vector_weight: nan given; give a number"),
        ("[search]\nvector_weight = inf", "[search] vector_weight: inf given; give a number"),
        ("[models]\ndir = 3", "[models] dir: 3 given; give a path"),
        ("data_dir = '~nobody-here/x'", 'data_dir: "~nobody-here/x" given; no such home'),
        ("[[folders]]\npath = '~nobody-here'", "no such home directory is known, so name it in"),
        ("[models]\nembedding = 3", "[models] embedding: 3 given; give a text"),
        ("[log]\nlevel = 2026-01-01", "[log] level: "),
        ("folders = 'x'", 'folders: "x" given; start each folder with [[folders]]'),
        ("[folders]\npath = 'x'", "start each folder with [[folders]]"),
        ("[[folders]]\nhidden = true", "[[folders]] 1: no path"),
        ("[[folders]]\npath = 'x'\nexcude = []", 'excude: unknown key; did you mean "exclude"?'),
        ("[[folders]]\npath = ''", '[[folders]] 1 path: "" given; give a path'),
        ("[server]\nhost = '0.0.0.0'", '[server] host: "0.0.0.0" is not an address of this'),
        ("[server]\nhost = 'example.org'", "is not an address of this computer alone"),
        ("[server]\ncors_origins = ['http://a/b']", '"http://a/b" is not an origin'),
        ("[server]\ncors_origins = ['*']", '"*" is not an origin'),
        ("[chunking]\noverlap_tokens = 129", "[chunking] overlap_tokens: 129 is more than half"),
        ("[generation]\ncontext_tokens = 512", "[generation] max_tokens: 512 leaves no room"),
        ("[generation]\nbase_url = 'localhost'\nmodel = 'm'", "is not an HTTP address"),
        ("[embedding]\nbase_url = 'http://[x/v1'\nmodel = 'm'", "is not an HTTP address"),
        ("[embedding]\nbase_url = 'http://a/v1'", "[embedding] model: base_url is set"),
        ("[schedule]\non_battery = true", 'true given; give one of "low", "pause", "run"'),
        ("[schedule]\nlow_percent = 101", "101 given; give a whole number from 0 to 100"),
        ("[schedule]\nbusy_percent = -1", "-1 given; give a whole number from 0 to 100"),
        ("[schedule]\nhours = '22:00-07:00'", '"22:00-07:00" given; give a list of texts'),
        ("[schedule]\nhours = ['10-12']", '[schedule] hours: "10-12" is no range of hours; give'),
        ("[schedule]\nhours = ['08:00-08:00']", 'give one such as "22:00-07:00"'),
        ("[schedule]\nhour = []", '[schedule] hour: unknown key; did you mean "hours"?'),
        ("[[folders]]\npath = 'x'\npoll = 1", "[[folders]] 1 poll: 1 given; give true or false"),
        (
            "[[folders]]\npath = 'x'\nkinds = ['pdf']",
            'kinds: ["pdf"] given; give a list of "audio", "document", "image", "text"',
        ),
        ("[server", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_remedy(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert message in str(caught.value)
    assert "config.toml: " in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_addresses_are_allowed(host: str) -> None:
    assert load(env={"PRISMD_SERVER_HOST": host}).server.host == host


def test_a_wrong_variable_or_flag_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^PRISMD_PORT: \"x\" given; give a whole number"):
        load(env={"PRISMD_PORT": "x"})
    with pytest.raises(ConfigError, match=r"^PRISMD_SERVER_HOST: .*0\.0\.0\.0"):
        load(env={"PRISMD_SERVER_HOST": "0.0.0.0"})
    with pytest.raises(ConfigError, match=r"^--port: 70000 given; give a whole number"):
        load(env={}, flags={"server.port": 70000})
    with pytest.raises(ConfigError, match=r"^PRISMD_DATA_DIR: \"~nobody-here/x\" given; no such"):
        load(env={"PRISMD_DATA_DIR": "~nobody-here/x"})
    with pytest.raises(ConfigError, match=r"^configuration file: \"~nobody-here\" given; no such"):
        load(Path("~nobody-here"), {})


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: there is no such file"):
        load(tmp_path / "missing.toml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})
    file = tmp_path / "latin.toml"
    file.write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(file, {})


def test_the_example_changes_nothing_as_it_stands() -> None:
    assert load(EXAMPLE, {}).sources == {}
    assert load(EXAMPLE, {}).folders == ()


def test_the_example_shows_every_option_with_its_default(tmp_path: Path, home: Path) -> None:
    config = load(write(tmp_path, uncommented()), {})
    defaults = settings(load(env={}))
    shown = settings(config)
    assert shown.pop("folders.0") == Folder(path=home / "Documents")
    assert shown == defaults
    # Every key was really given in the file, none left out.
    assert set(config.sources) - {"folders.0"} == set(defaults)
    for field in msgspec.structs.fields(Folder):
        assert re.search(rf"^#{field.name} = ", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_the_example_explains_every_option() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    options = [number for number, line in enumerate(lines) if re.match(r"#\w+ = ", line)]
    assert len(options) == len(settings(load(env={}))) + len(msgspec.structs.fields(Folder))
    assert all(lines[number - 1].startswith("# ") for number in options)


@pytest.mark.parametrize(
    ("section", "used", "renamed"),
    [
        ("search", SearchSettings(), {}),
        ("chunking", Chunking(), {}),
        (
            "answer",
            EvidenceSettings(),
            {"max_passages": "max_evidence", "max_tokens": "evidence_tokens"},
        ),
    ],
)
def test_defaults_are_those_of_the_parts_that_use_them(
    section: str, used: msgspec.Struct, renamed: dict[str, str]
) -> None:
    configured = msgspec.structs.asdict(getattr(load(env={}), section))
    for name, default in msgspec.structs.asdict(used).items():
        assert configured[renamed.get(name, name)] == default


def test_the_default_models_are_in_the_catalogue() -> None:
    models = load(env={}).models
    assert {
        "embedding": models.embedding,
        "reranking": models.reranking,
        "generation": models.generation,
        "image": models.image,
        "speech": models.speech,
    } == catalog.DEFAULTS


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(section=st.sampled_from([*SECTIONS]), data=st.data(), value=values)
def test_any_value_is_taken_or_refused_readably(
    section: str, data: st.DataObject, value: object
) -> None:
    fields = msgspec.structs.fields(SECTIONS[section])
    key = data.draw(st.sampled_from([field.name for field in fields]))
    try:
        config = load(env={}, flags={f"{section}.{key}": value})
    except ConfigError as error:
        assert str(error).startswith(f"--{key.replace('_', '-')}: ")
    else:
        assert f"{section}.{key}" in config.sources or value is None


def test_the_schedules_defaults_are_those_of_the_part_that_uses_them() -> None:
    assert parameters.schedule(load(env={})) == Schedule()


def test_a_schedule_reaches_the_part_that_uses_it(tmp_path: Path) -> None:
    text = (
        "[schedule]\non_battery = 'pause'\nlow_percent = 5\nhours = ['22:00-07:00']\n"
        "busy_percent = 40\n"
    )
    made = parameters.schedule(load(write(tmp_path, text), {}))
    assert made == Schedule(
        on_battery="pause", low_percent=5, hours=((1320, 420),), busy_percent=40
    )


def test_a_folders_settings_are_its_own(tmp_path: Path) -> None:
    text = (
        "[[folders]]\npath = 'a'\nkinds = ['text', 'image']\npoll = true\nexclude = ['x']\n"
        "[[folders]]\npath = 'b'\n"
    )
    config = load(write(tmp_path, text), {})
    of_a, of_b = (
        parameters.rules(config, Root(n, str(folder.path), "config", "watching", 0, ""))
        for n, folder in enumerate(config.folders)
    )
    assert (of_a.kinds, of_a.poll, of_a.exclude) == (("text", "image"), True, ("x",))
    assert (of_b.kinds, of_b.poll, of_b.exclude) == ((), False, ())
