/* SPDX-License-Identifier: MIT */

/* What the pages do beyond being read: the list of pages shows where one is, a page has a table of its sections and leads on to its
 * neighbours, and names can be searched. Without it every page is there all the same. */

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

function linkNeighbours() {
    const links = pageLinks(), at = links.findIndex(link => fileOf(link) === here());
    const show = (link, before, after) =>
        link && document.getElementById('neighbours').append(element('a', {href: link.href}, before + link.textContent + after));
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

/* Doxygen takes what follows a text in triple quotes for text, too; such programs get their colours here. */
function colourPython() {
    const words = 'and|as|break|class|def|else|except|for|from|if|import|in|not|or|print|raise|return|try|while|with';
    const token = new RegExp(`("""[^]*?"""|"(?:[^"\\\\\\n]|\\\\.)*"|#.*|\\b(?:${words})\\b)`);
    const kind = piece => piece[0] === '"' ? 'stringliteral' : piece[0] === '#' ? 'comment' : 'keyword';
    for (const program of document.querySelectorAll('div.fragment')) {
        const text = [...program.querySelectorAll('.line')].map(line => line.textContent).join('\n');
        const coloured = text.split(token).map((piece, i) => i % 2 ? element('span', {className: kind(piece)}, piece) : piece);
        if (text.includes('"""'))
            program.replaceChildren(element('pre', {}, ...coloured));
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

/* Doxygen's pages make one of these. The names are in the files search/all_0.js to all_f.js and on, each of which sets searchData. */
class SearchBox {
    constructor() {
        this.names = null;
        document.addEventListener('DOMContentLoaded', () => this.start());
    }

    start() {
        const box = document.getElementById('search');
        this.input = box.querySelector('input');
        this.list = box.querySelector('ul');
        this.root = document.querySelector('script[src$="sixnet.js"]').getAttribute('src').replace('sixnet.js', '');
        box.hidden = false;
        this.input.addEventListener('focus', () => this.load());
        this.input.addEventListener('input', () => this.show());
    }

    run(file) {
        return new Promise(done => {
            document.head.append(element('script', {src: this.root + 'search/' + file, onload: done, onerror: done}));
        });
    }

    async load() {
        if (this.names)
            return;
        this.names = [];
        await this.run('searchdata.js');
        for (let i = 0; i < indexSectionsWithContent[0].length; i++) {
            await this.run(`all_${i.toString(16)}.js`);
            for (const [, [name, ...places]] of searchData)
                this.names.push({name, href: this.root + 'search/' + places[0][0]});
        }
        this.show();
    }

    show() {
        const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
        const fits = ({name}) => words.every(word => name.toLowerCase().includes(word));
        const found = words.length ? this.names.filter(fits).slice(0, 20) : [];
        const item = ({name, href}) => element('li', {}, element('a', {href, innerHTML: name}));
        this.list.replaceChildren(...found.map(item));
        if (words.length && !found.length)
            this.list.append(element('li', {}, 'nothing of that name'));
    }
}

document.addEventListener('DOMContentLoaded', () => {
    markPage();
    linkNeighbours();
    listSections();
    keepCommands();
    linkPictures();
    colourPython();
});
