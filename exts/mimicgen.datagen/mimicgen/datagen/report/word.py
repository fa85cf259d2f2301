"""A Word document with what python-docx has no words for: numbered headings, contents, captions, alternative text."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Sequence

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Inches, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph

from mimicgen.datagen.dataset.ours import MARK
from mimicgen.datagen.report.figures import WIDTH, Picture

LEVELS = 2
"""Levels of headings, numbered, in the table of contents."""

_NUMBERING = 77
"""Number of the headings' list, which the template does not use."""


class WordDocument:
    """A document that is written from the beginning to the end.

    Args:
        title: Title, also in the file's properties.
        subtitle: Stands below it.
    """

    def __init__(self, title: str, subtitle: str):
        self._document = Document()
        self._counts = {"Figure": itertools.count(1), "Table": itertools.count(1)}
        self._numbers = [0] * LEVELS
        self._headings: list[tuple[int, str]] = []
        self._style()
        properties = self._document.core_properties
        properties.title, properties.author, properties.comments = text(title), MARK, ""
        self._document.add_paragraph(text(title), style="Title")
        self._document.add_paragraph(text(subtitle), style="Subtitle")
        self._contents = self._document.add_paragraph()
        self._number_pages()

    def heading(self, words: str, level: int = 1) -> None:
        """Begin a section; its number is Word's."""
        self._numbers[level - 1] += 1
        self._numbers[level:] = [0] * (LEVELS - level)
        self._document.add_heading(text(words), level)
        number = ".".join(str(part) for part in self._numbers[:level])
        self._headings.append((level, f"{number}  {text(words)}"))

    def prose(self, words: str) -> None:
        """Add a paragraph."""
        self._document.add_paragraph(text(words))

    def points(self, points: Iterable[str]) -> None:
        """Add a list."""
        for words in points:
            self._document.add_paragraph(text(words), style="List Bullet")

    def code(self, lines: str) -> None:
        """Add commands as they are typed."""
        self._document.add_paragraph(text(lines), style="Code")

    def picture(self, picture: Picture) -> None:
        """Add a figure with its caption and its alternative text."""
        paragraph = self._document.add_paragraph(style="Figure")
        shape = paragraph.add_run().add_picture(io.BytesIO(picture.png), width=Inches(WIDTH))
        shape._inline.docPr.set("descr", text(picture.alternative))
        self._caption("Figure", picture.caption)

    def table(
        self, caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], widths: Sequence[float]
    ) -> None:
        """Add a table with its caption.

        Args:
            caption: Stands above it.
            head: Names of the columns.
            rows: A row's cells, in their order.
            widths: Of the columns [cm].
        """
        self._caption("Table", caption, keep=True)
        table = self._document.add_table(rows=1, cols=len(head), style="Light List Accent 1")
        table.autofit = False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Cm(width)
        table.rows[0]._tr.get_or_add_trPr().append(_element("w:tblHeader", val="true"))
        for cells in (head, *rows):
            row = table.rows[0] if cells is head else table.add_row()
            row._tr.get_or_add_trPr().append(_element("w:cantSplit", val="true"))
            for cell, value, width in zip(row.cells, cells, widths, strict=True):
                cell.width = Cm(width)
                cell.text = text(str(value))
                for paragraph in cell.paragraphs:
                    paragraph.style = self._document.styles["Cell"]
                    for run in paragraph.runs:
                        run.bold = cells is head

    def content(self) -> bytes:
        """End the document with its table of contents, and return the file's content."""
        self._write_contents()
        file = io.BytesIO()
        self._document.save(file)
        return file.getvalue()

    def _caption(self, kind: str, words: str, *, keep: bool = False) -> None:
        paragraph = self._document.add_paragraph(f"{kind} ", style="Caption")
        paragraph.paragraph_format.keep_with_next = keep
        _field(paragraph, f"SEQ {kind} \\* ARABIC", str(next(self._counts[kind])))
        paragraph.add_run(f": {text(words)}")

    def _style(self) -> None:
        document = self._document
        section = document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2.5)
        section.top_margin = section.bottom_margin = Cm(2.3)
        for name, size, colour in (
            ("Normal", 10.5, None),
            ("Title", 26, "1C2024"),
            ("Subtitle", 12, "5B636B"),
            ("Heading 1", 16, "1F4E79"),
            ("Heading 2", 12.5, "1F4E79"),
            ("Caption", 9, "5B636B"),
        ):
            self._restyle(name, size, colour)
        self._paragraph_style("Normal").paragraph_format.space_after = Pt(6)
        for name in ("Heading 1", "Heading 2"):
            self._paragraph_style(name).paragraph_format.space_before = Pt(16 if name == "Heading 1" else 10)
            self._paragraph_style(name).paragraph_format.space_after = Pt(4)
        for name, base in (("Code", "Normal"), ("Cell", "Normal"), ("Figure", "Normal"), ("Contents", "Normal")):
            style = document.styles.add_style(name, 1)
            style.base_style = document.styles[base]
        self._restyle("Code", 9, "1C2024", "DejaVu Sans Mono")
        shade = parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="F0F2F4"/>')
        self._paragraph_style("Code").element.get_or_add_pPr().append(shade)
        self._restyle("Cell", 9, None)
        self._paragraph_style("Cell").paragraph_format.space_after = Pt(1)
        self._paragraph_style("Figure").paragraph_format.keep_with_next = True
        self._paragraph_style("Figure").paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        self._paragraph_style("Contents").paragraph_format.space_after = Pt(2)
        self._paragraph_style("Caption").paragraph_format.space_before = Pt(8)
        self._number_headings()

    def _paragraph_style(self, name: str) -> ParagraphStyle:
        style = self._document.styles[name]
        assert isinstance(style, ParagraphStyle)
        return style

    def _restyle(self, name: str, size: float, colour: str | None, family: str = "Calibri") -> None:
        font = self._paragraph_style(name).font
        font.name, font.size = family, Pt(size)
        fonts = self._paragraph_style(name).element.rPr.rFonts
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        if colour is not None:
            font.color.rgb = RGBColor.from_string(colour)

    def _number_headings(self) -> None:
        levels = "".join(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="decimal"/>'
            f'<w:pStyle w:val="Heading{level + 1}"/>'
            f'<w:lvlText w:val="{".".join(f"%{part + 1}" for part in range(level + 1))}"/><w:lvlJc w:val="left"/>'
            f'<w:pPr><w:ind w:left="{700 + 100 * level}" w:hanging="{700 + 100 * level}"/></w:pPr></w:lvl>'
            for level in range(LEVELS)
        )
        numbering = self._document.part.numbering_part.element
        abstract = parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{_NUMBERING}">'
            f'<w:multiLevelType w:val="multilevel"/>{levels}</w:abstractNum>'
        )
        numbering.insert(0, abstract)  # the schema wants these before the lists that use them
        numbering.append(
            parse_xml(f'<w:num {nsdecls("w")} w:numId="{_NUMBERING}"><w:abstractNumId w:val="{_NUMBERING}"/></w:num>')
        )
        for level in range(LEVELS):
            properties = self._paragraph_style(f"Heading {level + 1}").element.get_or_add_pPr()
            numbered = properties.get_or_add_numPr()
            numbered.get_or_add_ilvl().val = level
            numbered.get_or_add_numId().val = _NUMBERING

    def _number_pages(self) -> None:
        paragraph = self._document.sections[0].footer.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        _field(paragraph, "PAGE", "1")

    def _write_contents(self) -> None:
        """Put the field with the headings; Word adds their pages when it opens the document."""
        style = self._document.styles["Contents"]
        last = self._contents
        last.style = style
        last.add_run("Contents").bold = True
        entries = []
        for level, words in self._headings:
            last = self._after(last)
            last.style = style
            last.paragraph_format.left_indent = Cm(0.6 * (level - 1))
            last.add_run(words)
            entries.append(last)
        first = entries[0]._p
        for part in (
            _element("w:fldChar", fldCharType="separate"),
            _instruction(f'TOC \\o "1-{LEVELS}" \\h \\z \\u'),
            _element("w:fldChar", fldCharType="begin", dirty="true"),
        ):
            first.insert_element_before(_run(part), "w:r")
        entries[-1]._p.append(_run(_element("w:fldChar", fldCharType="end")))
        self._after(last).add_run().add_break(WD_BREAK.PAGE)

    def _after(self, paragraph: Paragraph) -> Paragraph:
        element = OxmlElement("w:p")
        paragraph._p.addnext(element)
        return Paragraph(element, paragraph._parent)


def text(words: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", words)


def _element(tag: str, **attributes: object) -> BaseOxmlElement:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), str(value))
    return element


def _instruction(words: str) -> BaseOxmlElement:
    element = OxmlElement("w:instrText")
    element.set(qn("xml:space"), "preserve")
    element.text = words
    return element


def _run(content: BaseOxmlElement) -> BaseOxmlElement:
    run = OxmlElement("w:r")
    run.append(content)
    return run


def _field(paragraph: Paragraph, instruction: str, shown: str) -> None:
    """Add a field of Word's, with what it shows until it is updated."""
    for content in (
        _element("w:fldChar", fldCharType="begin"),
        _instruction(instruction),
        _element("w:fldChar", fldCharType="separate"),
    ):
        paragraph._p.append(_run(content))
    paragraph.add_run(shown)
    paragraph._p.append(_run(_element("w:fldChar", fldCharType="end")))
