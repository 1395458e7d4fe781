"""Parties and links in; groups of parties out, none of which holds two numbers of one country or what a person keeps apart."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Places = NDArray[np.int64]


def group_parties(parties: pl.DataFrame, links: pl.DataFrame, apart: pl.DataFrame) -> Places:
    """Return the group of each party, a number that says nothing else.

    `links`: _left, _right, link_score, _is_decided (a person's word, which even two numbers do not stop). `apart`: _left, _right. Links
    are made from the strongest down; one that would put two numbers of a country, or two parties that a person keeps apart, into one
    group is not made. Only groups in which that could happen are gone through link by link.
    """
    count = parties.height
    ends = links.select("_left", "_right").to_numpy().astype(np.int64)
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(count, count))
    group: Places = connected_components(graph, directed=False)[1].astype(np.int64)
    doubtful = _find_doubtful(parties, group, apart)
    if not len(doubtful):
        return group
    inside = links.filter(pl.Series(np.isin(group[ends[:, 0]], doubtful)))
    members = np.flatnonzero(np.isin(group, doubtful))
    return _split(parties, group, members, inside, apart)


def _find_doubtful(parties: pl.DataFrame, group: Places, apart: pl.DataFrame) -> Places:
    numbered = parties.select("_country", "_number").with_columns(_group=pl.Series(group)).drop_nulls("_number")
    many = numbered.group_by("_group", "_country").agg(pl.col("_number").n_unique().alias("_numbers")).filter(pl.col("_numbers") > 1)
    left, right = (group[apart[side].to_numpy()] for side in ("_left", "_right"))
    return np.union1d(many["_group"].to_numpy(), left[left == right])


def _split(parties: pl.DataFrame, group: Places, members: Places, links: pl.DataFrame, apart: pl.DataFrame) -> Places:
    """Make the links of doubtful groups one after the other, as Kruskal's algorithm does."""
    told = parties[members].select("_p", "_country", "_number").iter_rows()
    groups = _Groups({place: {(country, number)} if number else set() for place, country, number in told}, apart)
    ordered = links.sort("_is_decided", "link_score", "_left", "_right", descending=[True, True, False, False])
    for left, right, is_decided in ordered.select("_left", "_right", "_is_decided").iter_rows():
        groups.link(left, right, is_decided=is_decided)
    result = group.copy()
    # Beyond the numbers in use, so that no new group takes another's.
    result[members] = len(group) + np.array([groups.head(place) for place in members.tolist()])
    return np.unique(result, return_inverse=True)[1].astype(np.int64)


class _Groups:
    """Disjoint sets of parties that know their numbers and whom a person keeps apart from them."""

    def __init__(self, numbers: dict[int, set[tuple[str, str]]], apart: pl.DataFrame) -> None:
        self._above = {place: place for place in numbers}
        self._numbers = numbers
        self._apart: dict[int, set[int]] = {place: set() for place in numbers}
        for left, right in apart.select("_left", "_right").iter_rows():
            if left in self._apart and right in self._apart:
                self._apart[left].add(right)
                self._apart[right].add(left)

    def head(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def link(self, left: int, right: int, *, is_decided: bool) -> None:
        one, other = self.head(left), self.head(right)
        if one == other or any(self.head(each) == other for each in self._apart[one]):
            return
        if not is_decided and _contradict(self._numbers[one], self._numbers[other]):
            return
        self._above[other] = one
        self._numbers[one] |= self._numbers[other]
        self._apart[one] |= self._apart[other]


def _contradict(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> bool:
    """Two sets of (country, number) contradict where each has a number of one country that the other has not."""
    return any(
        country == abroad and number != another and (country, number) not in other and (abroad, another) not in one
        for country, number in one
        for abroad, another in other
    )
