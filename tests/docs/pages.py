"""What a page of docs says, for the tests that hold it to that."""


def rows_of(page: str) -> dict[str, list[str]]:
    """A page's table of errors: what is wrong, and the other cells without their backticks."""
    table = page.split("| what is wrong |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[each.strip() for each in line.strip("| ").split(" | ")] for line in table]
    return {first: [each.strip("`").replace("\\|", "|") for each in rest] for first, *rest in cells}
