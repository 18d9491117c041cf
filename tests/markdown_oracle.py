"""What a reader's browser is given for a piece of Markdown, by GitHub's own parser (cmark-gfm), and what of it acts."""

import re
from html.parser import HTMLParser

from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options

OWN = "https://github.com/acme/loans"
RUN = f"{OWN}/actions/runs/12"
OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES | Options.CMARK_OPT_GITHUB_PRE_LANG
MARKDOWN_TAGS = "p a em strong code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td del input"
TAGS = {*MARKDOWN_TAGS.split(), "br", "details", "summary", "sub"}
ATTRIBUTES = {"href", "lang", "start", "align", "type", "checked", "disabled", "class"}
ACTS = re.compile(r"(?i)@[\w-]|#\d|\bgh-\d|ghsa-\w|://|www\.\w")


def rendered(markdown: str) -> str:
    """HTML as GitHub makes it before its own cleaning: raw tags pass."""
    return github_flavored_markdown_to_html(markdown, options=OPTIONS)


class Page(HTMLParser):
    """What a reader's browser would be given."""

    def __init__(self, markdown: str):
        super().__init__()
        self.tags, self.attributes, self.links, self.texts, self.rest = set(), set(), [], [], []
        self.feed(rendered(markdown))
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: D102 -- these are html.parser's names
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):  # noqa: D102
        self.texts.append(data)

    def handle_comment(self, data):  # noqa: D102
        self.rest.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def acting(markdown: str) -> list:
    """Everything in a page that does more than be read."""
    page = Page(markdown)
    links = [link for link in page.links if not re.fullmatch(rf"{RUN}\d*(/(job|artifacts)/\d+)?", link)]
    texts = [text for text in page.texts if ACTS.search(text.replace("https://github.com/acme", ""))]
    return [*(page.tags - TAGS), *(page.attributes - ATTRIBUTES), *links, *texts, *page.rest]
