"""The pick list over 100,000 and 500,000 generated names: time and recall, beside RapidFuzz over all rows and FTS5 alone.

    python -m bench.search

The 500,000 are products as they are named on packages (`Ramipril Alba 5 mg Filmtabletten N3`): all names of the drug data,
with makers, strengths, forms and packs, and 7,000 made-up trade names. The queries are the 300 of typed_names.csv, with
errors as people make them. Found means: one of the first ten is the drug that was meant, or a product of it.

The 100,000:
200 queries, 50 each of: beginning of a word, word with a typing error, the same with a strength, beginning with a
typing error. Found means: among the first ten stands a name that begins with what was meant. Names and errors are
made up with a fixed seed; an error never hits the first or the last letter.
"""

import csv
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import apsw

from miz.knowledge.compiler import BUILT_IN
from miz.knowledge.edition import Edition
from miz.knowledge.search import NameIndex, without_strength
from miz.knowledge.search_index import IndexedName, write_search_index
from miz.knowledge.words import fold

NAMES = 100_000
PRODUCTS = 500_000
_INVENTED = 7_000
TYPED = Path(__file__).parent / "typed_names.csv"
WORDS = 9_235
QUERIES_OF_A_KIND = 50
KINDS = ("prefix", "typo", "typo and strength", "prefix with typo")
_SLOW_PEER_QUERIES = 10

_ONSETS = (
    "b",
    "br",
    "c",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gl",
    "h",
    "j",
    "k",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "pr",
    "qu",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "x",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ei", "ia", "io", "au", "y")
_CODAS = ["", "", "", "l", "m", "n", "r", "s", "x", "t"]
_ENDINGS = ("in", "on", "ol", "an", "um", "il", "ax", "et", "ar", "id", "en", "at")
_MAKERS = ("alba", "boreal", "cedrus", "delta", "ferro", "gamma", "hesse", "inva", "jota", "kilo", "lindau", "medora")
_FORMS = ("Tabletten", "Filmtabletten", "Hartkapseln", "Retardtabletten", "Tropfen", "Injektionslösung", "Brausetabletten", "Zäpfchen")
_PACKS = ("N1", "N2", "N3", "20 St", "50 St", "100 St", "30 ml")
_PEER_QUERIES = 30
_STRENGTHS = ("5 mg", "10 mg", "20 mg", "47,5 mg", "100 mg", "600", "12,5")

Query = tuple[str, str, str]


def made_words(chance: random.Random) -> list[str]:
    words: set[str] = set()
    while len(words) < WORDS:
        syllables = [chance.choice(_ONSETS) + chance.choice(_VOWELS) + chance.choice(_CODAS) for _ in range(chance.choice((1, 2, 2, 3)))]
        words.add("".join(syllables) + chance.choice(_ONSETS) + chance.choice(_ENDINGS))
    return sorted(words)


def made_names(words: list[str], chance: random.Random) -> list[str]:
    names: dict[str, None] = dict.fromkeys(words)
    while len(names) < NAMES:
        addition = chance.choice(("", "retard", "plus", "forte", str(chance.randrange(5, 800))))
        names[f"{chance.choice(words)} {chance.choice(_MAKERS)} {addition}".strip()] = None
    return list(names)


def with_error(word: str, chance: random.Random) -> str:
    """One letter more, less, another, or two swapped; never the first or last one."""
    place = chance.randrange(1, len(word) - 2)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz".replace(word[place], ""))
    match chance.randrange(4):
        case 0:
            return word[:place] + letter + word[place:]
        case 1:
            return word[:place] + word[place + 1 :]
        case 2:
            return word[:place] + letter + word[place + 1 :]
        case _:
            swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            return swapped if swapped != word else with_error(word, chance)


def made_queries(words: list[str], chance: random.Random) -> list[Query]:
    """Kind, what is typed, what was meant."""
    long_words = [word for word in words if len(word) >= 7]
    queries: list[Query] = []
    for kind in KINDS:
        for word in chance.sample(long_words, QUERIES_OF_A_KIND):
            beginning = word[: max(5, round(len(word) * 0.65))]
            match kind:
                case "prefix":
                    queries.append((kind, beginning, beginning))
                case "typo":
                    queries.append((kind, with_error(word, chance), word))
                case "typo and strength":
                    queries.append((kind, f"{with_error(word, chance)} {chance.choice(_STRENGTHS)}", word))
                case _:
                    queries.append((kind, with_error(beginning, chance), beginning))
    return queries


def measured(
    find: Callable[[str], list[str]], queries: list[Query], *, meant: Callable[[str, str], bool] = str.startswith, is_repeated: bool = True
) -> dict[str, float]:
    """Milliseconds (p50, p99) and recall@10, all and by kind. The second run counts, as in a server that has worked before."""
    for _, typed, _ in queries if is_repeated else ():
        find(typed)
    times, found = [], []
    for kind, typed, wanted in queries:
        started = time.perf_counter()
        names = find(typed)
        times.append((time.perf_counter() - started) * 1e3)
        found.append((kind, any(meant(name, wanted) for name in names[:10])))
    times.sort()
    hits = {kind: [hit for one, hit in found if one == kind] for kind in dict.fromkeys(kind for kind, _, _ in queries)}
    by_kind = {kind: sum(of_kind) / max(1, len(of_kind)) for kind, of_kind in hits.items()}
    return {"p50": median(times), "p99": times[int(len(times) * 0.99)], "recall": sum(hit for _, hit in found) / len(found)} | by_kind


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    return [*_run_made_up(), *_run_products()]


def made_products(edition: Edition, chance: random.Random) -> Iterator[tuple[int, str, str]]:
    """Rank of its kind, name and the drug it is one of: all names of the drug data, then products until there are enough."""
    bases: dict[str, None] = {}
    for drug in edition.facts.drugs:
        entry = edition.drugs[drug.stands_for] if drug.stands_for else drug
        bases[drug.name.de] = None
        rank = 0 if entry.kind == "substance" else 1
        yield from ((rank, name, entry.name.de) for name in dict.fromkeys((drug.name.de, drug.name.en)))
    short = edition.names.all_names()
    yield from ((0 if edition.entry(match).kind == "substance" else 1, match.text, edition.entry(match).name.de) for match in short)
    invented = [word.capitalize() for word in chance.sample(made_words(chance), _INVENTED)]
    yield from ((1, word, word) for word in invented)
    names: set[str] = set()
    drugs = [*bases, *invented]
    while len(names) < PRODUCTS:
        base = chance.choice(drugs)
        name = f"{base} {chance.choice(_MAKERS).capitalize()} {chance.choice(_STRENGTHS)} {chance.choice(_FORMS)} {chance.choice(_PACKS)}"
        if name not in names:
            names.add(name)
            yield 1, name, base


def _run_products() -> list[dict[str, Any]]:
    chance = random.Random(2027)
    edition = Edition.open(BUILT_IN)
    products = list(made_products(edition, chance))
    with TYPED.open(encoding="utf-8", newline="") as file:
        queries = [(row["kind"], row["typed"], row["meant"]) for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "products.sqlite"
        started = time.perf_counter()
        writer = apsw.Connection(str(path))
        writer.pragma("journal_mode", "off")
        with writer:
            write_search_index(
                writer,
                [
                    IndexedName(rank, is_other_name=name != drug, length=len(name), key=fold(name), entry_no=no, text=name)
                    for no, (rank, name, drug) in enumerate(products)
                ],
            )
        built_s = time.perf_counter() - started
        writer.execute("CREATE VIRTUAL TABLE trigram USING fts5 (name, content='', columnsize=0, tokenize='trigram')")
        with writer:
            writer.executemany(
                "INSERT INTO trigram (rowid, name) VALUES (?, ?)", ((no, fold(name)) for no, (_, name, _) in enumerate(products, 1))
            )
        writer.close()
        reader = apsw.Connection(f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        index = NameIndex(reader)

        def by_index(typed: str) -> list[str]:
            return [products[match.entry_no][2] for match in index.find(typed, 10)]

        def by_trigrams(typed: str) -> list[str]:
            key = fold(typed)
            pieces = " OR ".join(f'"{piece}"' for piece in dict.fromkeys(key[place : place + 3] for place in range(len(key) - 2)))
            rows = reader.execute("SELECT rowid FROM trigram WHERE trigram MATCH ? ORDER BY rank LIMIT 10", (pieces or '""',))
            return [products[no - 1][2] for (no,) in rows]

        ours = measured(by_index, queries, meant=_is_meant)
        trigrams = measured(by_trigrams, queries[:: len(queries) // _PEER_QUERIES], meant=_is_meant)
        scan = _scan(products, queries)
        reader.close()
    beside = f"FTS5 trigram: {trigrams['p50']:.0f} ms, recall {trigrams['recall']:.2f}"
    ratio = ""
    if scan:
        beside += f"; RapidFuzz over all: {scan['p50']:.0f} ms, recall {scan['recall']:.2f}; each on {_PEER_QUERIES} of the queries"
        ratio = f"{scan['p50'] / ours['p50']:.0f} x RapidFuzz"
    kinds = sorted({kind for kind, _, _ in queries})
    rows = [
        ("search 500,000 names, p50", round(ours["p50"], 3), "ms", "<= 2", ratio, beside),
        ("search 500,000 names, p99", round(ours["p99"], 2), "ms", "<= 10", "", f"FTS5 trigram: {trigrams['p99']:.0f} ms"),
        (
            "search 500,000 names, recall@10",
            round(ours["recall"], 3),
            "",
            ">= 0.97",
            "",
            ", ".join(f"{kind} {ours[kind]:.2f}" for kind in kinds),
        ),
        ("search index of 500,000 names, built", round(built_s, 1), "s", "", "", ""),
    ]
    return [dict(zip(("work", "value", "unit", "goal", "ratio", "against"), row, strict=True)) for row in rows]


def _is_meant(found: str, meant: str) -> bool:
    return fold(found).startswith(fold(meant))


def _scan(products: list[tuple[int, str, str]], queries: list[Query]) -> dict[str, float] | None:
    try:
        from rapidfuzz import fuzz, process
    except ImportError:
        return None
    names = [fold(name) for _, name, _ in products]

    def by_ratio(typed: str) -> list[str]:
        return [products[place][2] for _, _, place in process.extract(fold(typed), names, scorer=fuzz.WRatio, limit=10)]

    return measured(by_ratio, queries[:: len(queries) // _PEER_QUERIES], meant=_is_meant, is_repeated=False)


def _run_made_up() -> list[dict[str, Any]]:
    chance = random.Random(2026)
    words = made_words(chance)
    names = made_names(words, chance)
    queries = made_queries(words, chance)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.sqlite"
        started = time.perf_counter()
        writer = apsw.Connection(str(path))
        writer.pragma("journal_mode", "off")
        writer.execute("BEGIN")
        write_search_index(
            writer,
            [
                IndexedName(1, is_other_name=False, length=len(name), key=fold(name), entry_no=no, text=name)
                for no, name in enumerate(names)
            ],
        )
        writer.execute("COMMIT")
        writer.close()
        built_s = time.perf_counter() - started
        reader = apsw.Connection(f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        index = NameIndex(reader)
        ours = measured(lambda typed: [match.text for match in index.find(typed, 10)], queries)
        floor = measured(lambda typed: _prefix_only(reader, typed), queries)
        scan = _rapidfuzz(names, queries)
        reader.close()
    against = f"FTS5 prefix only: {floor['p50']:.3f} ms, recall {floor['recall']:.2f}"
    if scan:
        against += f"; RapidFuzz over all: {scan['p50']:.0f} ms, recall {scan['recall']:.2f}"
    kinds = ", ".join(f"{kind} {ours[kind]:.2f}" for kind in KINDS)
    ratio = f"{scan['p50'] / ours['p50']:.0f} x RapidFuzz" if scan else ""
    return [
        {
            "work": "search 100,000 names, p50",
            "value": round(ours["p50"], 3),
            "unit": "ms",
            "goal": "<= 0.3",
            "ratio": ratio,
            "against": against,
        },
        {
            "work": "search 100,000 names, p99",
            "value": round(ours["p99"], 2),
            "unit": "ms",
            "goal": "<= 5",
            "ratio": "",
            "against": f"FTS5 prefix only: {floor['p99']:.2f} ms",
        },
        {
            "work": "search 100,000 names, recall@10",
            "value": round(ours["recall"], 3),
            "unit": "",
            "goal": ">= 0.97",
            "ratio": "",
            "against": kinds,
        },
        {"work": "search index of 100,000 names, built", "value": round(built_s, 2), "unit": "s", "goal": "", "ratio": "", "against": ""},
    ]


def _prefix_only(connection: apsw.Connection, typed: str) -> list[str]:
    query = " AND ".join(f'"{word}" *' for word in fold(without_strength(typed)).split())
    return [
        text
        for (text,) in connection.execute(
            "SELECT text FROM name JOIN name_words ON name_words.rowid = name_no WHERE name_words MATCH ? LIMIT 10", (query,)
        )
    ]


def _rapidfuzz(names: list[str], queries: list[Query]) -> dict[str, float] | None:
    try:
        from rapidfuzz import fuzz, process
    except ImportError:
        print("RapidFuzz is not installed: left out of the comparison.")
        return None
    few = [query for kind in KINDS for query in [one for one in queries if one[0] == kind][:_SLOW_PEER_QUERIES]]
    return measured(
        lambda typed: [name for name, *_ in process.extract(fold(without_strength(typed)), names, scorer=fuzz.WRatio, limit=10)], few
    )


if __name__ == "__main__":
    for row in run():
        print(row)
