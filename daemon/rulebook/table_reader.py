"""Read ``tables``: lookup tables written in the rule file, or in a CSV file beside it."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path, PurePosixPath

from daemon.rulebook.file_finder import ReadBytes, read_up_to
from daemon.rulebook.formats import Entry, MappingNode, ScalarNode, plain
from daemon.rulebook.schema import CsvTablePart
from daemon.rulebook.typed import TypedReading, is_slug

CSV_LIMIT_BYTES = 16 * 1024 * 1024

Table = Mapping[str, object]


class TableReader:
    """Read the tables of one file that lies in *directory*; *csv_files* collects the (path, content) of CSV files."""

    def __init__(self, reading: TypedReading, directory: Path, read: ReadBytes = read_up_to) -> None:
        self.reading = reading
        self.directory = directory
        self.read = read
        self.csv_files: list[tuple[Path, bytes]] = []

    def tables(self, entry: Entry | None) -> dict[str, Table]:
        """Return every table by its name; one that cannot be used is empty, and the problem is noted."""
        if entry is None:
            return {}
        if not isinstance(entry.value, MappingNode):
            self.reading.wrong(entry, entry.value, "a map of tables", entry)
            return {}
        if not entry.value.entries:
            self.reading.note("E013", entry, '"tables" is empty', hint="fill it, or leave the key out")
        return {name: self._table(table) for name, table in entry.value.entries.items()}

    def _table(self, entry: Entry) -> Table:
        if not is_slug(entry.key.lower()):
            hint = "letters, digits and single hyphens or underscores"
            self.reading.note("E015", entry, f'a table cannot be called "{entry.key}"', hint=hint)
        if not isinstance(entry.value, MappingNode):
            self.reading.wrong(
                entry, entry.value, "a map of entries", entry, hint=self.reading.notation.value({"California": "CA"})
            )
            return {}
        if "csv" in entry.value.entries:
            return self._from_csv(entry)
        if not entry.value.entries:
            self.reading.note("E013", entry, f'table "{entry.key}" is empty')
        table: dict[str, object] = {}
        for key, item in entry.value.entries.items():
            if not isinstance(item.value, ScalarNode) or item.value.value is None:
                self.reading.wrong(item, item.value, "one value", item)
            else:
                table[key] = plain(item.value)
        return table

    def _from_csv(self, entry: Entry) -> Table:
        keys = self.reading.keys(entry.value, CsvTablePart, holder=entry)
        name, key, value = (self.reading.text(keys.get(part)) for part in ("csv", "key", "value"))
        rows = self._rows(keys["csv"], name) if name.strip() else None
        if rows is None or not key or not value:
            return {}
        header = rows[0][1] if rows else []
        for part, column in (("key", key), ("value", value)):
            if column not in header:
                hint = "the file is separated by semicolons: commas are due" if ";" in "".join(header) else ""
                message = f'{name} has no column "{column}"'
                self.reading.note("E037", keys[part].value, message, hint=hint, allowed=header)
                return {}
        return self._filled(rows, header.index(key), header.index(value), keys["csv"], name)

    def _filled(self, rows: list[tuple[int, list[str]]], key_at: int, value_at: int, entry: Entry, name: str) -> Table:
        table: dict[str, object] = {}
        first_lines: dict[str, int] = {}
        for line, cells in rows[1:]:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) <= max(key_at, value_at):
                self.reading.note("E037", entry.value, f"{name}, line {line}, has too few columns")
                return {}
            found = cells[key_at]
            if found in table:
                message = f'key "{found}" stands twice in {name}: lines {first_lines[found]} and {line}'
                self.reading.note("E037", entry.value, message, why="only one of the two could count")
                return {}
            table[found] = cells[value_at]
            first_lines[found] = line
        if not table:
            self.reading.note("E037", entry.value, f"{name} has no entries below its first line")
        return table

    def _rows(self, entry: Entry, name: str) -> list[tuple[int, list[str]]] | None:
        """Return the CSV file's rows with their line numbers, or None after a problem."""
        parts = PurePosixPath(name).parts
        if PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or not name.isprintable():
            hint = "a relative path with forward slashes, such as tables/sku.csv"
            message = f"{name} is not beside or below the rule file"
            self.reading.note(
                "E037", entry.value, message, hint=hint, why="rule files read nothing but their own directory"
            )
            return None
        path = self.directory.joinpath(*parts)
        try:
            content = self.read(path, CSV_LIMIT_BYTES + 1)
            if len(content) > CSV_LIMIT_BYTES:
                self.reading.note("E037", entry.value, f"{name} is larger than {CSV_LIMIT_BYTES // 1024**2} MiB")
                return None
            self.csv_files.append((path, content))
            lines = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
            return [(lines.line_num, row) for row in lines]
        except OSError as error:
            hint = "the path begins at the folder of the rule file"
            self.reading.note("E037", entry.value, f"{name} cannot be read: {error.strerror or error}", hint=hint)
        except UnicodeDecodeError:
            hint = 'in Excel: save as "CSV UTF-8"'
            self.reading.note("E037", entry.value, f"{name} is not UTF-8 text", hint=hint)
        except csv.Error as error:
            self.reading.note("E037", entry.value, f"{name} is not CSV: {error}")
        return None
