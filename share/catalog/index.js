// A search box and columns that sort, for the table of the page; both live in the part of the address behind #.
(function () {
    'use strict';
    var expires = document.querySelector('#expires time');
    if (expires && Date.parse(expires.dateTime) <= Date.now()) {
        expires.after(document.createElement('strong'));
        expires.nextSibling.textContent = ' This catalog has expired: ask for a newer one.';
        expires.parentNode.className = 'bad';
    }
    var table = document.querySelector('table');
    if (!table) return;
    var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells), rows = Array.from(body.rows);
    var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
    var column = -1, down = false;
    document.documentElement.className = 'js';
    // what cards are made of stays a table for those who listen to it
    [[table, 'table'], [table.tHead, 'rowgroup'], [body, 'rowgroup']].forEach(function (pair) { pair[0].setAttribute('role', pair[1]); });
    [table.tHead.rows[0]].concat(rows).forEach(function (row) {
        row.setAttribute('role', 'row');
        Array.from(row.cells).forEach(function (cell) { cell.setAttribute('role', cell.tagName === 'TD' ? 'cell' : cell.parentNode.parentNode === body ? 'rowheader' : 'columnheader'); });
    });
    var find = document.createElement('div'), label = document.createElement('label'), input = document.createElement('input'), hits = document.createElement('output');
    find.className = 'find';
    find.setAttribute('role', 'search');
    label.textContent = 'Search this page';
    label.htmlFor = input.id = 'search';
    input.type = 'search';
    input.autocomplete = 'off';
    input.spellcheck = false;
    hits.setAttribute('aria-live', 'polite');
    find.append(label, input, hits);
    table.before(find);

    function keep() {
        var parts = [];
        if (input.value) parts.push('q=' + encodeURIComponent(input.value));
        if (column >= 0) parts.push('sort=' + (down ? '-' : '') + column);
        try { history.replaceState(null, '', parts.length ? '#' + parts.join('&') : location.pathname + location.search); } catch (refused) { /* then the address does not tell */ }
    }
    function filter() {
        var words = input.value.toLowerCase().split(/\s+/), count = 0;
        rows.forEach(function (row, i) {
            row.hidden = !words.every(function (word) { return texts[i].includes(word); });
            if (!row.hidden) count++;
        });
        hits.textContent = input.value.trim() ? count + ' of ' + rows.length + ' found' : rows.length + ' listed';
    }
    function value(row, at) {
        var cell = row.cells[at], exact = cell.querySelector('data,time');
        return exact ? exact.value || exact.dateTime : cell.textContent;
    }
    function sort() {
        var names = new Intl.Collator('en', {numeric: true});
        var keyed = rows.map(function (row, i) { return {row: row, key: column >= 0 ? value(row, column) : '', at: i}; });
        keyed.sort(function (a, b) {
            if (!a.key !== !b.key) return a.key ? -1 : 1; // what is not said comes last, either way
            return (down ? -1 : 1) * names.compare(a.key, b.key) || a.at - b.at;
        });
        body.append.apply(body, keyed.map(function (k) { return k.row; }));
        heads.forEach(function (head, i) {
            if (i === column) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
            else head.removeAttribute('aria-sort');
        });
    }
    heads.forEach(function (head, i) {
        var button = document.createElement('button');
        button.type = 'button';
        button.textContent = head.textContent;
        head.textContent = '';
        head.append(button);
        button.addEventListener('click', function () {
            down = column === i && !down;
            column = i;
            sort();
            keep();
        });
    });
    input.addEventListener('input', function () { filter(); keep(); });
    document.addEventListener('keydown', function (event) {
        if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target === input) return;
        event.preventDefault();
        input.focus();
    });
    location.hash.slice(1).split('&').forEach(function (part) {
        var match = /^sort=(-?)(\d+)$/.exec(part);
        try { if (part.startsWith('q=')) input.value = decodeURIComponent(part.slice(2)); } catch (malformed) { /* no search then */ }
        if (match && heads[+match[2]]) {
            down = match[1] === '-';
            column = +match[2];
        }
    });
    if (column >= 0) sort();
    filter();
})();
