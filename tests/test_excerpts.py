"""Source lines around places: written by hand, read back."""

from steadygraph.model import Location
from steadygraph.observe.places import excerpts


def numbered(tmp_path, count, name="model.py"):
    file = tmp_path / name
    file.write_text("".join(f"line {number}\n" for number in range(1, count + 1)))
    return str(file)


def numbers(excerpt):
    assert excerpt.lines == tuple(
        f"line {n}" for n in range(excerpt.first_line, excerpt.first_line + len(excerpt.lines))
    )
    return excerpt.first_line, excerpt.first_line + len(excerpt.lines) - 1


def test_four_lines_on_both_sides_of_a_place(tmp_path):
    path = numbered(tmp_path, 50)

    (found,) = excerpts.around([Location(path, 20, "forward")])

    assert found.path == path
    assert numbers(found) == (16, 24)


def test_an_excerpt_ends_where_the_file_does(tmp_path):
    path = numbered(tmp_path, 12)

    found = excerpts.around([Location(path, 2, "forward"), Location(path, 12, "forward")])

    assert [numbers(one) for one in found] == [(1, 6), (8, 12)]


def test_places_near_each_other_share_an_excerpt(tmp_path):
    path = numbered(tmp_path, 90)

    found = excerpts.around(Location(path, line, "forward") for line in (60, 20, 29, 20))

    assert [numbers(one) for one in found] == [(16, 33), (56, 64)]


def test_files_come_in_the_order_of_their_paths(tmp_path):
    b, a = numbered(tmp_path, 3, "b.py"), numbered(tmp_path, 3, "a.py")

    found = excerpts.around([Location(b, 1, "f"), Location(a, 1, "f")])

    assert [one.path for one in found] == [a, b]


def test_what_cannot_be_read_has_no_excerpt(tmp_path):
    path = numbered(tmp_path, 3)

    found = excerpts.around([Location("<string>", 1, "f"), Location(path, 0, "f"), Location(path, 99, "f")])

    assert found == ()
