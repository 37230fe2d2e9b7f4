"""``POST /v1/audio/transcriptions``: recordings are written down, and forgotten."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import msgspec
from litestar import Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from prismd.api.body import convert
from prismd.api.description import EVENT, EVENTS, TEXT, described
from prismd.api.errors import describe
from prismd.api.listening import Listening
from prismd.api.multipart import Form, FormLimits
from prismd.api.openai import subtitles
from prismd.api.openai.audio_wire import (
    FORMATS,
    TextDelta,
    TextDone,
    TextOnly,
    TranscriptionRequest,
    Verbose,
    added,
    text_of,
    text_only,
    verbose,
)
from prismd.api.openai.model_names import WHISPER, refused, unknown_model
from prismd.api.openai.spoken_languages import code_of, name_of
from prismd.api.received import receive
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.streaming import StreamedResponse, watching_client
from prismd.errors import CANCELLED, ExtractCrash, ExtractError, ExtractTimeout, RequestError
from prismd.models.base import Transcriber, Transcript
from prismd.paths.openable import Openable

_EARLY_S = 2.0
"""How long a stream waits for its first words, so that an early failure gets its own status."""
_OPENAIS = re.compile(r"gpt(-4o(-mini)?)?-transcribe(-\d{4}-\d\d-\d\d)?")
"""Names under which tools ask for whatever writes down recordings, besides ``whisper-1``."""
_INDEX = re.compile(r"\[\d*\]$")
_LISTS = frozenset({"timestamp_granularities", "include"})
_SHOWN_CHARS = 40
_FILE = {"file": "A recording, or a film with sound, of any common format."}
_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@post(
    ["/v1/audio/transcriptions", "/audio/transcriptions"],
    status_code=200,
    operation_class=described(
        form=TranscriptionRequest,
        files=_FILE,
        answer=(TextOnly, Verbose),
        also={
            "text/plain; charset=utf-8": TEXT,
            "application/x-subrip; charset=utf-8": TEXT,
            "text/vtt; charset=utf-8": TEXT,
            EVENTS: EVENT,
        },
        statuses=(404, 504),
    ),
    summary="What is said in a recording",
)
async def transcriptions(request: ApiRequest) -> Response[Any]:
    """Write down what is said in a recording, as text, subtitles, or with its seconds.

    The recording is not kept. It goes before those that are being indexed.
    """
    api = api_of(request)
    asked, file = await _received(api, request)
    listening: Listening | None = None
    try:
        form = _form(asked)
        transcriber = _transcriber(api, asked)
        language = _language(asked, transcriber)
        with watching_client(request) as gone:
            await api.recordings.enter(gone)
            write_down = partial(
                transcriber.transcribe, file.path, language=language, prompt=asked.prompt or ""
            )
            listening = _begin(api, write_down, file)
            listening.stop_when(gone)
            if not asked.stream:
                return await _whole(api, listening, asked, form, language)
            return await _streamed(api, listening)
    finally:
        if listening is None:  # else the file goes when nobody reads it any more
            file.close()


@post(
    ["/v1/audio/translations", "/audio/translations"],
    status_code=200,
    operation_class=described(form=TranscriptionRequest, files=_FILE, refuses=True),
    summary="Refused: recordings are not translated",
)
async def translations(request: ApiRequest) -> Response[Any]:
    """Say that recordings are written down in the language that is spoken."""
    raise RequestError(
        "recordings are written down in the language that is spoken, and not translated; send it"
        " to /v1/audio/transcriptions",
        code="unsupported",
    )


async def _received(api: Api, request: ApiRequest) -> tuple[TranscriptionRequest, Openable]:
    """The fields and the file of a request; who gets the file must close it."""
    fields: dict[str, list[str]] = {}
    file: Openable | None = None
    try:
        async for part in Form(request, FormLimits(file_bytes=api.settings.max_upload_bytes)):
            name = _INDEX.sub("", part.name)
            if name == "file":
                if file is not None:
                    raise _wrong_file("there are two; send one at a time")
                file = await receive(part, api.offload)
            elif part.filename is None and (value := (await part.text()).strip()):
                fields.setdefault(name, []).append(value)
        if file is None:
            raise _wrong_file("is missing; send the recording as a file of the form")
        if not file.size_bytes:
            raise _wrong_file("is empty; send a recording")
        given = {name: held if name in _LISTS else held[-1] for name, held in fields.items()}
        return convert(given, TranscriptionRequest), file
    except BaseException:
        if file is not None:
            file.close()
        raise


def _form(asked: TranscriptionRequest) -> str:
    form = asked.response_format or "json"
    if form == "diarized_json":
        raise refused("response_format", f"speakers are not told apart; give one of {_formats()}")
    if form not in FORMATS:
        raise refused("response_format", f"{form[:_SHOWN_CHARS]!r} is none of {_formats()}")
    if asked.stream and form not in ("json", "text"):
        raise refused("stream", f"{form} comes whole; stream json, or leave stream out")
    if "logprobs" in (asked.include or ()):
        raise refused(
            "include",
            "the chances of single tokens are not told; verbose_json has avg_logprob",
        )
    return form


def _formats() -> str:
    return ", ".join(FORMATS)


def _transcriber(api: Api, asked: TranscriptionRequest) -> Transcriber:
    transcriber = api.services.transcriber
    if transcriber is None:
        state = api.services.model_states().get("speech")
        why = state.detail if state is not None else ""
        raise RequestError(
            "model: nothing that writes down recordings is installed or switched on; "
            + (why or "'prismd doctor' says how to get one"),
            status=503,
            code="no_transcriber",
            param="model",
        )
    if asked.model.endswith("-diarize"):
        raise refused("model", f"speakers are not told apart; ask {WHISPER!r}")
    known = (transcriber.name, WHISPER)
    if asked.model not in known and not _OPENAIS.fullmatch(asked.model):
        raise unknown_model(asked.model)
    return transcriber


def _language(asked: TranscriptionRequest, transcriber: Transcriber) -> str:
    if not asked.language:
        return ""
    code = code_of(asked.language)
    if not code:
        raise refused(
            "language",
            f"{asked.language[:_SHOWN_CHARS]!r} is no language that is known; give its ISO 639-1"
            " code, such as 'en', or leave it out",
        )
    if code not in transcriber.languages:
        raise refused(
            "language",
            f"{transcriber.name} knows no {name_of(code).capitalize()}; leave it out, or have"
            " another model in [models] speech",
        )
    return code


def _begin(api: Api, write_down: Callable[..., Transcript], file: Openable) -> Listening:
    def run(**told: Any) -> Transcript:
        with file:  # closed in the thread: the event loop may have ended before it
            return write_down(**told)

    at_end = contextlib.ExitStack()
    at_end.callback(api.recordings.leave)
    try:
        listening = Listening(run, at_end.close)
    except BaseException:
        at_end.close()
        raise
    at_end.callback(api.ending.tell(listening.fail))
    return listening


async def _whole(
    api: Api, listening: Listening, asked: TranscriptionRequest, form: str, language: str
) -> Response[Any]:
    try:
        while isinstance(heard := await listening.next(), list):
            pass
    except ExtractError as error:
        raise _unheard(error) from error
    finally:
        listening.stop()
    transcript = _with_sound(heard)
    api.metrics.transcribed(transcript.duration_s)
    if form == "json":
        return _json(text_only(transcript))
    if form == "verbose_json":
        granularities = asked.timestamp_granularities or ("segment",)
        return _json(verbose(transcript, language, granularities))
    if form == "text":
        return _text(text_of(transcript.segments) + "\n", "text/plain")
    if form == "srt":
        return _text(subtitles.srt(transcript.segments), "application/x-subrip; charset=utf-8")
    return _text(subtitles.vtt(transcript.segments), "text/vtt")


async def _streamed(api: Api, listening: Listening) -> Response[Any]:
    try:
        await listening.peek(_EARLY_S)
    except ExtractError as error:
        raise _unheard(error) from error
    except BaseException:
        listening.stop()
        raise
    return StreamedResponse(
        _events(api, listening),
        media_type="text/event-stream; charset=utf-8",
        headers=_STREAM_HEADERS,
    )


async def _events(api: Api, listening: Listening) -> AsyncGenerator[bytes, None]:
    text, said = "", 0
    try:
        while True:
            try:
                heard = await listening.next(api.settings.heartbeat_s)
            except TimeoutError:
                yield b": still at work\n\n"
                continue
            new = heard if isinstance(heard, list) else _with_sound(heard).segments[said:]
            for segment in new:
                delta = added(text, segment)
                text += delta
                yield _event(TextDelta(delta))
            said += len(new)
            if isinstance(heard, Transcript):
                api.metrics.transcribed(heard.duration_s)
                break
        yield _event(TextDone(text))
        yield b"data: [DONE]\n\n"
    except ExtractError as error:  # the status is sent: only the stream can tell
        yield _event(describe(_unheard(error))[1])
    except Exception as error:
        yield _event(describe(error)[1])
    finally:
        listening.stop()


def _with_sound(transcript: Transcript) -> Transcript:
    if not transcript.has_sound:
        raise _wrong_file("has no sound; send a recording, or a film that has some")
    return transcript


def _unheard(error: ExtractError) -> Exception:
    """The error of a recording that cannot be written down."""
    if error.code == CANCELLED:
        return RequestError(
            "the recording was given up, as prismd is ending or its model was unloaded; send it"
            " again",
            status=503,
            code="called_off",
        )
    if isinstance(error, ExtractTimeout | ExtractCrash):
        return error
    return _wrong_file(str(error), status=415 if error.code == "unsupported" else 400)


def _wrong_file(message: str, *, status: int = 400) -> RequestError:
    return RequestError(f"file: {message}", param="file", status=status, code="invalid_recording")


def _json(value: msgspec.Struct) -> Response[bytes]:
    return Response(msgspec.json.encode(value), media_type=MediaType.JSON)


def _text(text: str, media_type: str) -> Response[bytes]:
    return Response(text.encode(), media_type=media_type)


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


ROUTES: list[HTTPRouteHandler] = [transcriptions, translations]
