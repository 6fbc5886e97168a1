/* SPDX-License-Identifier: MIT */

/* Adds to each page: its place in the list of pages, a table of its sections, links to the pages before and after it, and the search box.
 * All pages can be read without it. */

'use strict';

const pageLinks = () => [...document.querySelectorAll('#top nav a')];
const fileOf = link => link.href.split('#')[0].split('/').pop();
const here = () => location.pathname.split('/').pop() || 'index.html';

function element(tag, properties, ...children) {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
}

function markPage() {
    for (const link of pageLinks())
        if (fileOf(link) === here()) {
            link.setAttribute('aria-current', 'page');
            link.scrollIntoView({block: 'nearest'});
        }
}

function linkNeighbors() {
    const links = pageLinks(), at = links.findIndex(link => fileOf(link) === here());
    const show = (link, before, after) =>
        link && document.getElementById('neighbors').append(element('a', {href: link.href}, before + link.textContent + after));
    if (at < 0)
        return;
    show(links[at - 1], '← ', '');
    show(links[at + 1], '', ' →');
}

/* The sections of a page are its largest headings below the title, in the reference its functions; a page of few has no table. */
function headings() {
    const functions = document.querySelectorAll('h2.memtitle');
    return [...(functions.length ? functions : document.querySelectorAll('.textblock h1, h2.groupheader:not(#details + *)'))];
}

function listSections() {
    const list = element('ul', {});
    if (headings().length < 3)
        return;
    headings().forEach((heading, i) => {
        heading.id = heading.id || 'section' + (i + 1);
        list.append(element('li', {}, element('a', {href: '#' + heading.id}, heading.textContent.replace('◆', '').trim())));
    });
    document.querySelector('.contents').prepend(
        element('details', {id: 'sections', open: matchMedia('(min-width: 80rem)').matches},
            element('summary', {}, 'On this page'), list));
}

/* Doxygen takes what follows a text in triple quotes for text, too; such programs are colored here. */
function colorPython() {
    const words = 'and|as|break|class|def|else|except|for|from|if|import|in|not|or|print|raise|return|try|while|with';
    const token = new RegExp(`("""[^]*?"""|"(?:[^"\\\\\\n]|\\\\.)*"|#.*|\\b(?:${words})\\b)`);
    const kind = piece => piece[0] === '"' ? 'stringliteral' : piece[0] === '#' ? 'comment' : 'keyword';
    for (const program of document.querySelectorAll('div.fragment')) {
        const text = [...program.querySelectorAll('.line')].map(line => line.textContent).join('\n');
        const colored = text.split(token).map((piece, i) => i % 2 ? element('span', {className: kind(piece)}, piece) : piece);
        if (text.includes('"""'))
            program.replaceChildren(element('pre', {}, ...colored));
    }
}

/* A command is not broken at its hyphens, unless it is too long for a phone. */
function keepCommands() {
    for (const code of document.querySelectorAll('p code, li code, td code'))
        code.classList.toggle('short', code.textContent.length <= 30);
}

/* A picture is a link to itself, as a phone shows it small. */
function linkPictures() {
    for (const picture of document.querySelectorAll('.image object, .image img')) {
        const href = picture.getAttribute('data') || picture.getAttribute('src');
        const caption = picture.parentElement.querySelector('.caption');
        picture.replaceWith(element('a', {href}, element('img', {src: href, alt: caption ? caption.textContent.trim() : ''})));
    }
}

/* Searches the sections of all pages, which search.js has: [address, page, heading, text]. It is loaded when the box is first used. */
class SearchBox {
    constructor() {
        const box = document.getElementById('search');
        this.input = box.querySelector('input');
        this.list = box.querySelector('ul');
        this.root = document.querySelector('script[src$="sixnet.js"]').getAttribute('src').replace('sixnet.js', '');
        this.sections = null;
        box.hidden = false;
        this.input.addEventListener('focus', () => this.load());
        this.input.addEventListener('input', () => this.show());
    }

    load() {
        if (this.sections)
            return;
        this.sections = [];
        const loaded = () => {
            this.sections = siteSections.map(([href, page, heading, text]) =>
                ({href, page, heading, text, title: `${heading} ${page}`.toLowerCase(), all: `${heading} ${page} ${text}`.toLowerCase()}));
            this.show();
        };
        document.head.append(element('script', {src: this.root + 'search.js', onload: loaded}));
    }

    /* A section must have all words; those in its heading or its page's title count most. */
    static score(section, words) {
        let score = 0;
        for (const word of words) {
            if (!section.all.includes(word))
                return 0;
            const heading = section.heading.toLowerCase();
            score += heading === word ? 100 : heading.includes(word) ? 20 : section.title.includes(word) ? 5 : 1;
        }
        return score;
    }

    static excerpt(text, word) {
        const at = text.toLowerCase().indexOf(word);
        const start = Math.max(0, at - 40);
        return at < 0 ? text.slice(0, 100) : (start ? '…' : '') + text.slice(start, start + 100);
    }

    show() {
        const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
        const scored = words.length ? this.sections.map(section => [SearchBox.score(section, words), section]) : [];
        const found = scored.filter(([score]) => score).sort(([a], [b]) => b - a).slice(0, 20);
        this.list.replaceChildren(...found.map(([, {href, page, heading, text}]) =>
            element('li', {}, element('a', {href: this.root + href}, heading === page ? page : `${page}: ${heading}`),
                element('small', {}, SearchBox.excerpt(text, words[0])))));
        if (words.length && !found.length)
            this.list.append(element('li', {}, 'nothing found'));
    }
}

document.addEventListener('DOMContentLoaded', () => {
    markPage();
    linkNeighbors();
    listSections();
    keepCommands();
    linkPictures();
    colorPython();
    new SearchBox();
});
