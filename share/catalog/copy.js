// A button that copies each block of commands; what became of it is said aloud too.
(function () {
    var said = document.createElement('p');
    said.className = 'skip';
    said.setAttribute('role', 'status');
    document.body.append(said);
    document.querySelectorAll('pre').forEach(function (pre) {
        var button = document.createElement('button');
        button.type = 'button';
        button.className = 'copy';
        button.textContent = 'Copy';
        pre.before(button);
        button.addEventListener('click', function () {
            getSelection().selectAllChildren(pre);
            button.textContent = said.textContent = document.execCommand('copy') ? 'Copied' : 'Selected';
            setTimeout(function () { button.textContent = 'Copy'; said.textContent = ''; }, 2000);
        });
    });
})();
