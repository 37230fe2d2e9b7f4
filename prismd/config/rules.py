"""What holds between settings, or cannot be said by a type."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pathspec

from prismd.config.options import Config
from prismd.errors import ConfigError
from prismd.schedule.schedule import hours_of


def check_together(config: Config) -> None:
    """Check what no single type can say.

    Raises:
        ConfigError: The message names the place and the key.
    """
    server, chunking = config.server, config.chunking
    if not _is_loopback(server.host):
        raise _wrong(
            config,
            "server.host",
            f'"{server.host}" is not an address of this computer alone, and prismd serves no '
            'other; give "127.0.0.1", "::1" or "localhost"',
        )
    if chunking.overlap_tokens * 2 > chunking.target_tokens:
        raise _wrong(
            config,
            "chunking.overlap_tokens",
            f"{chunking.overlap_tokens} is more than half of target_tokens "
            f"({chunking.target_tokens}); give {chunking.target_tokens // 2} or less",
        )
    if 0 < config.generation.context_tokens <= config.generation.max_tokens:
        raise _wrong(
            config,
            "generation.max_tokens",
            f"{config.generation.max_tokens} leaves no room for a prompt within context_tokens "
            f"({config.generation.context_tokens}); give less",
        )
    for origin in server.cors_origins:
        if not _is_origin(origin):
            raise _wrong(
                config,
                "server.cors_origins",
                f'"{origin}" is not an origin; give scheme and host, such as '
                '"http://localhost:3000"',
            )
    _check_patterns(config)
    _check_hours(config)
    _check_remote(config)


def _check_patterns(config: Config) -> None:
    lists = {"index.exclude": config.index.exclude}
    for number, folder in enumerate(config.folders):
        lists[f"folders.{number}.include"] = folder.include
        lists[f"folders.{number}.exclude"] = folder.exclude
    for key, patterns in lists.items():
        try:
            pathspec.GitIgnoreSpec.from_lines(patterns)
        except ValueError as error:
            raise _wrong(config, key, f"{error}; write patterns as in .gitignore") from error


def _check_hours(config: Config) -> None:
    try:
        hours_of(config.schedule.hours)
    except ValueError as error:
        raise _wrong(
            config,
            "schedule.hours",
            f'"{error}" is no range of hours; give one such as "22:00-07:00"',
        ) from error


def _check_remote(config: Config) -> None:
    for section, remote in (("embedding", config.embedding), ("generation", config.generation)):
        if remote.base_url and not _is_http(remote.base_url):
            raise _wrong(
                config,
                f"{section}.base_url",
                f'"{remote.base_url}" is not an HTTP address; give one such as '
                '"http://127.0.0.1:8080/v1"',
            )
        if remote.base_url and not remote.model:
            raise _wrong(
                config,
                f"{section}.model",
                f"base_url is set, so name the model at {remote.base_url}",
            )
    if config.embedding.base_url and not config.embedding.dim:
        raise _wrong(config, "embedding.dim", "base_url is set, so say how wide its vectors are")


def _wrong(config: Config, key: str, message: str) -> ConfigError:
    section, _, name = key.partition(".")
    source = config.sources.get(key, "")
    if source.startswith("environment "):
        place = source.removeprefix("environment ")
    elif source == "flag":
        place = f"--{name.replace('_', '-')}"
    else:
        place = f"{config.file.name if config.file else 'settings'}: [{section}] {name}"
    return ConfigError(f"{place}: {message}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_origin(text: str) -> bool:
    return _is_http(text) and text == "{0.scheme}://{0.netloc}".format(urlsplit(text))
