"""Directory trees in JSON."""

import json

import pytest
from recorded import recording, reduced, saved_over_generic, view

from coatcheck.types import Aim
from coatcheck_adapters.results.directory_tree import DirectoryTree, Folder, folders_of

TREE = recording("directory_tree")
ADAPTER = DirectoryTree()


def test_it_needs_a_tenth_less_than_the_generic_way_and_shows_every_file() -> None:
    assert saved_over_generic(ADAPTER, TREE) >= 0.1
    found = reduced(ADAPTER.reduce, TREE)
    assert found.level == "lossless" and not found.omissions
    for folder in folders_of(json.loads(TREE)):
        line = next(x for x in found.text.split("\n") if x.startswith(f"{folder.path or '.'}: "))
        assert line.partition(": ")[2].split(" ") == list(folder.files)


def test_over_the_budget_the_files_the_focus_names_stand_first_and_all_are_counted() -> None:
    aim = Aim(150, focus="where is the html reduced")
    found = ADAPTER.reduce(TREE, aim)
    assert found and found.level == "selected"
    assert "reducers/html.py" in found.text.split("\n")[0]
    folders = list(folders_of(json.loads(TREE)))
    files = found.omissions[0]
    assert files.total == sum(len(folder.files) for folder in folders)
    listed = [f for f in folders if f.listed() in found.text.split("\n")]
    sought = found.text.split("\n")[0].split(": ")[1].split(" ")
    more = {p for p in sought if p.rpartition("/")[0] not in {f.path for f in listed}}
    assert files.shown == sum(len(f.files) for f in listed) + len(more)
    assert "reducers: 44 files, not shown" in found.text


def test_names_that_could_mislead_stand_in_quotes_and_folders_not_looked_into_end_in_a_slash() -> (
    None
):
    tree = [
        {"name": "a b.txt", "type": "file"},
        {"name": "deep", "type": "directory"},
        {"name": "none", "type": "directory", "children": []},
    ]
    found = ADAPTER.reduce(json.dumps(tree), Aim(500))
    assert found
    assert found.text.split("\n")[1:] == ['.: "a b.txt" deep/', "none: (no files)"]


@pytest.mark.parametrize(
    "text", ["", "no json", "{}", "[1, 2]", '[{"name": "a"}]', '[{"name": 1, "type": "file"}]']
)
def test_another_shape_is_left_to_the_generic_way(text: str) -> None:
    assert ADAPTER.reduce(text, Aim(500)) is None


def test_a_folder_too_big_to_list_is_left_to_the_generic_way() -> None:
    tree = [{"name": f"file number {i}.txt", "type": "file"} for i in range(5_000)]
    assert ADAPTER.reduce(json.dumps(tree), Aim(1_500)) is None


def test_it_matches_the_tool_whatever_the_user_calls_the_upstream() -> None:
    assert ADAPTER.matches("files", "directory_tree")
    assert not ADAPTER.matches("files", "search_files")


def test_the_view_says_that_everything_is_shown() -> None:
    assert view(ADAPTER.reduce, TREE).startswith("[coatcheck: everything shown, written shorter.")
    assert Folder("a", ["b"]).listed() == "a: b"
