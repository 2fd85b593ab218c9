"""From the text of a file to its findings. The file is parsed, never run, and nothing that it imports is imported."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Finding, Remark
from durable_lambda.lint.rules import CHECKS, RULES
from durable_lambda.lint.vocabulary import PACKAGE

DEFAULT: Final = frozenset(code for code, rule in RULES.items() if rule.is_default)
_WORD: Final = PACKAGE.encode()
_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")
"""As the parser counts lines; `str.splitlines` knows more ends than it does."""
_SILENCE: Final = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)


def may_matter(source: bytes) -> bool:
    """Whether a file can have durable code: without the word it has none, and need not be parsed."""
    return _WORD in source


def check_source(source: str | bytes, path: str = "<text>", *, selected: Collection[str] = DEFAULT) -> list[Finding]:
    """What is found in a file, in the order of its lines.

    Args:
        source: Its text, or its bytes with whatever encoding they declare.
        path: What a finding calls it.
        selected: The codes of the rules to apply.

    Raises:
        SyntaxError: It is no Python, or not in the encoding that it declares.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the file's own odd escapes
        try:
            tree = ast.parse(source, path)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(f"{type(error).__name__}: {error}") from None
    text = source if isinstance(source, str) else _decoded(source)
    return check_tree(tree, _LINE_ENDS.split(text), path, selected=selected)


def check_tree(
    tree: ast.Module, lines: Sequence[str], path: str, *, selected: Collection[str] = DEFAULT, silenced: bool = True
) -> list[Finding]:
    """The same for a file that is parsed already; `silenced`: whether `# noqa` is heeded."""
    code = Code(tree)
    if not code.regions.durable:
        return []
    found: dict[tuple[str, int, int], Finding] = {}
    for remark in (remark for check in CHECKS for remark in check(code)):
        if remark.rule.code in selected:
            finding = _placed(remark, lines, path)
            if not (silenced and _is_silenced(finding, lines)):
                found.setdefault((finding.code, finding.line, finding.column), finding)
    return sorted(found.values())


def _placed(remark: Remark, lines: Sequence[str], path: str) -> Finding:
    node = remark.node
    line, end_line = int(getattr(node, "lineno", 1)), int(getattr(node, "end_lineno", None) or 1)
    column, end_column = int(getattr(node, "col_offset", 0)), int(getattr(node, "end_col_offset", None) or 0)
    if isinstance(node, ast.ExceptHandler):  # the clause, not the block
        end_line, end_column = (
            (node.type.end_lineno or line, node.type.end_col_offset or 0) if node.type else (line, column + 6)
        )
    return Finding(
        path,
        line,
        _characters(lines, line, column) + 1,
        remark.rule.code,
        remark.message,
        end_line,
        _characters(lines, end_line, end_column) + 1,
    )


def _characters(lines: Sequence[str], line: int, offset: int) -> int:
    """An offset that the parser counts in bytes of UTF-8, in characters."""
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return offset if text.isascii() else len(text.encode(errors="surrogatepass")[:offset].decode(errors="ignore"))


def _is_silenced(finding: Finding, lines: Sequence[str]) -> bool:
    return any(not codes or finding.code.startswith(codes) for codes in _silences(finding, lines))


def _silences(finding: Finding, lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The codes, or beginnings of codes, that the lines of a finding silence; none are all."""
    for number in {finding.line, finding.end_line}:
        match = _SILENCE.search(lines[number - 1]) if 0 < number <= len(lines) else None
        if match is not None:
            yield tuple(code.upper() for code in re.findall(r"[A-Za-z]+[0-9]*", match["codes"] or ""))


def _decoded(source: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SyntaxError(str(error)) from None
