"""Two queries are the same when their source, words and filters are, however they are spelt; else they are two."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import BadInput
from catalog.query_keys import filters_of, normalise, query_key
from catalog.records import Domain

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40).filter(
    lambda text: bool(normalise(text))
)
FILTERS = st.dictionaries(NAMES, WORDS, max_size=4)
FORMS = st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])
SPACES = st.sampled_from([" ", "  ", "\t", "\u00a0", "\u3000", " \n "])


@given(WORDS, FILTERS, FORMS, SPACES, st.randoms())
def test_spelling_spaces_forms_and_order_do_not_matter(
    text: str, filters: dict[str, str], form: str, space: str, chance: object
) -> None:
    respelt = space + space.join(unicodedata.normalize(form, text).split()) + space
    names = list(filters)
    chance.shuffle(names)  # type: ignore[attr-defined]
    others = {name.upper(): space.join([*unicodedata.normalize(form, filters[name]).split(), ""]) for name in names}
    assert query_key("google", respelt, others) == query_key("google", text, filters)


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=40).filter(str.strip), FILTERS)
def test_upper_and_lower_case_do_not_matter(text: str, filters: dict[str, str]) -> None:
    assert query_key("google", text.upper(), filters) == query_key("google", text.lower(), filters)


@given(WORDS, WORDS, FILTERS, FILTERS)
def test_what_differs_stays_apart(text: str, other: str, filters: dict[str, str], others: dict[str, str]) -> None:
    def meant(words: str, asked: dict[str, str]) -> object:
        return normalise(words), {name: normalise(value) for name, value in asked.items()}

    same_key = query_key("google", text, filters) == query_key("google", other, others)
    assert same_key == (meant(text, filters) == meant(other, others))


@given(FILTERS)
def test_filters_are_kept_in_one_order_and_keep_their_key(filters: dict[str, str]) -> None:
    kept = filters_of(filters)
    assert list(kept) == sorted(kept)
    assert filters_of(dict(kept)) == kept
    assert query_key("google", "x", dict(kept)) == query_key("google", "x", filters)


def test_two_filters_are_two_queries_and_each_is_found_by_its_own(catalog: Catalog) -> None:
    plain = catalog.queries.plan(source="google", text="portrait", domain=Domain.BARE)
    large = catalog.queries.plan(source="google", text="portrait", domain=Domain.BARE, filters={"Size": " large "})
    both = catalog.queries.plan(
        source="google", text="portrait", domain=Domain.BARE, filters={"size": "large", "licence": "open"}
    )
    assert plain is not None
    assert large is not None
    assert both is not None
    assert len({plain.id, large.id, both.id}) == 3
    assert (plain.filters, large.filters) == ((), (("size", "large"),))
    assert both.filters == (("licence", "open"), ("size", "large"))
    again = {"LICENCE": "Open", "size": "LARGE"}
    assert catalog.queries.plan(source="google", text="PORTRAIT", domain=Domain.MAKEUP, filters=again) is None
    assert catalog.queries.find(source="google", text="portrait", filters=again) == both
    assert catalog.queries.find(source="google", text="portrait") == plain
    assert catalog.queries.find(source="google", text="portrait", filters={"size": "small"}) is None


def test_the_longest_query_fits_the_index(catalog: Catalog) -> None:
    words, filters = "\U00010428" * 440, {"a" * 32: "\U00010428" * 26}  # four bytes a letter
    assert len(query_key("google", words, filters)) == 500
    assert catalog.queries.plan(source="g" * 64, text=words, domain=Domain.BARE, filters=filters)
    with pytest.raises(BadInput, match="501"):
        catalog.queries.plan(source="google", text=words + "x", domain=Domain.BARE, filters=filters)


@pytest.mark.parametrize(
    "filters",
    [
        {"": "x"},
        {"size": " "},
        {"si ze": "x"},
        {"9size": "x"},
        {"size=": "x"},
        {"x" * 33: "x"},
        {"size": "large", "Size": "small"},
        {"size": "\x1f"},
    ],
)
def test_filters_that_mean_nothing_are_refused(catalog: Catalog, filters: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        catalog.queries.plan(source="google", text="portrait", domain=Domain.BARE, filters=filters)
