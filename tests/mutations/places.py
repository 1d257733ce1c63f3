"""One-token changes of C++ sources: where they can be made, which there are, and a sample that is always the same.

A change is what a slip of the hand would be: `<` for `<=`, a constant one off, a `!` forgotten. Sources are cut into
tokens only, not parsed; that operators of two sides stand between blanks, as clang-format has it, tells a comparison
from a template and a product from a pointer. Left alone are comments, strings, lines of the preprocessor, and what no
release build holds or runs: static_assert, LINNET_CHECK. In the literature: mutation testing (DeMillo, Lipton and
Sayward 1978).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOKEN = re.compile(
    r"""
    (?P<directive>^[ \t]*\#(?:\\.|//[^\n]*|/\*.*?\*/|[^\\\n])*)
  | (?P<blank>[ \t\r\f\v]+|\n)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<string>(?:u8|[uUL])?(?:R"(?P<mark>[^()\\ ]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'))
  | (?P<number>\.?[0-9](?:[eEpP][+-]|'?[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<operator><<=|>>=|->\*|\.\.\.|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# Operators between two blanks, and what each is taken for.
PAIRS = ("< <=", "> >=", "== !=", "&& ||", "+ -", "* /", "<< >>", "& |", "+= -=", "*= /=", "<<= >>=", "&= |=")
BETWEEN = {"%": "*", "^": "|"}
BETWEEN |= dict(pair.split() for pair in PAIRS) | dict(reversed(pair.split()) for pair in PAIRS)
# Words and operators that have one side.
ANYWHERE = {"++": "--", "--": "++", "true": "false", "false": "true", "break": "continue", "continue": "break"}
# Calls that no release build holds or runs.
CHECKS = ("static_assert", "LINNET_CHECK")
INTEGER = re.compile(r"(0[xX])?([0-9a-fA-F']+)([uUlLzZ]*)")
FLOAT = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)([fF]?)")


@dataclass(frozen=True)
class Token:
    """kind: the group of TOKEN. start: offset into the text."""

    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Mutant:
    """One source with one token changed.

    number: of the line, from 1. line, becomes: that line as it is and as it would be, without the blanks around it.
    """

    file: str
    number: int
    line: str
    becomes: str
    start: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The source with the change."""
        assert text.startswith(self.old, self.start)
        return text[: self.start] + self.new + text[self.start + len(self.old) :]


def tokens(text: str) -> list[Token]:
    """All of a source, so that their texts put together are the source."""
    return [Token(match.lastgroup or "", match[0], match.start()) for match in TOKEN.finditer(text)]


def numbers(text: str) -> list[str]:
    """What a number is taken for: an integer one less or one more, a float a hundredth more, 1 instead of 0."""
    if match := INTEGER.fullmatch(text):
        prefix, digits, suffix = match[1] or "", match[2].replace("'", ""), match[3]
        octal = not prefix and len(digits) > 1 and digits[0] == "0"
        if octal or not prefix and not digits.isdecimal():
            return []
        value = int(digits, 16 if prefix else 10)
        return [f"{prefix}{other:{'x' if prefix else 'd'}}{suffix}" for other in (value - 1, value + 1) if other >= 0]
    if match := FLOAT.fullmatch(text):
        value = float(match[1])
        return [f"{value * 1.01 if value else 1.0!r}{match[2]}"]
    return []


def changes(token: Token, before: Token | None, after: Token | None, operand: Token | None) -> list[str]:
    """What a token is taken for. before, after: its neighbours; operand: the last one before it that is no blank."""
    if token.kind == "number":
        return numbers(token.text)
    if token.text in ANYWHERE:
        return [ANYWHERE[token.text]]
    if token.kind == "word" and re.fullmatch(r"LINNET_(OK|ERR_[A-Z_]+)", token.text):
        return ["LINNET_ERR_NO_MEMORY" if token.text == "LINNET_OK" else "LINNET_OK"]
    if token.kind != "operator" or not after:
        return []
    if token.text in BETWEEN and before and before.kind == after.kind == "blank":
        return [BETWEEN[token.text]]
    prefixes = operand is None or operand.text == "return" or operand.kind == "operator" and operand.text not in ")]"
    if token.text in ("!", "-") and after.kind != "blank" and prefixes:
        return [""]  # left out
    return []


def checked(parts: list[Token]) -> set[int]:
    """Positions of what stands in the parentheses of CHECKS."""
    inside: set[int] = set()
    depth = 0
    for index, token in enumerate(parts):
        if token.kind == "word" and token.text in CHECKS and not depth:
            depth, opened = 1, False
        elif depth:
            inside.add(index)
            if token.text == "(":
                depth, opened = depth + opened, True
            elif token.text == ")":
                depth -= 1
    return inside


def mutants(file: str, text: str) -> Iterator[list[Mutant]]:
    """For each token of a source that something can be made of, all that can."""
    parts = tokens(text)
    skipped = checked(parts)
    operand = None
    for index, token in enumerate(parts):
        around = (parts[index - 1] if index else None, parts[index + 1] if index + 1 < len(parts) else None)
        found = [] if index in skipped else changes(token, *around, operand)
        if token.kind not in ("blank", "comment", "directive"):
            operand = token
        if not found:
            continue
        begin = text.rfind("\n", 0, token.start) + 1
        end = text.find("\n", token.start)
        line, column = text[begin : end if end >= 0 else len(text)], token.start - begin
        yield [
            Mutant(
                file,
                text.count("\n", 0, begin) + 1,
                line.strip(),
                (line[:column] + new + line[column + len(token.text) :]).strip(),
                token.start,
                token.text,
                new,
            )
            for new in found
        ]


def sample(root: Path, files: list[str], seed: int) -> list[Mutant]:
    """One change of each token of these files, below root, in an order that is as good as random.

    A token's place in it depends on the seed, its file and its line alone, so that an edit of other lines leaves the
    beginning of the list nearly as it was, and what is known of it.
    """
    order: list[tuple[str, Mutant]] = []
    for file in sorted(files):
        seen: Counter[str] = Counter()  # lines that a file has more than once
        for choice in mutants(file, (root / file).read_text()):
            name = "\n".join((str(seed), file, choice[0].line, choice[0].becomes))
            digest = hashlib.sha256(f"{name}\n{seen[name]}".encode()).hexdigest()
            seen[name] += 1
            order.append((digest, choice[int(digest[:8], 16) % len(choice)]))
    return [mutant for _, mutant in sorted(order, key=lambda entry: entry[0])]
