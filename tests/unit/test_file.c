#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/syscall.h>

#include "base/file.h"

/* ---- opening ---- */

struct tree {
    char *top;
    int root;
};

/* Without openat2 (old kernels, valgrind) no link is followed at all, and other errors than these may come. */
static bool has_openat2(void)
{
    return syscall(SYS_openat2, -1, NULL, NULL, 0) != 0 && errno != ENOSYS;
}

/* top/secret, and beneath top/root: file, sub/file, and links and things that are no files. */
static int set_up(void **state)
{
    static const struct { const char *target, *name; } links[] = {
        {"sub/file", "root/inside"}, {"../secret", "root/out"}, {"inside", "root/chain"}, {"out", "root/chain-out"},
        {"../file", "root/sub/up"}, {"../../secret", "root/sub/up-out"}, {"sub", "root/folder-link"}, {"..", "root/parent"},
        {"loop", "root/loop"}, {"nowhere", "root/dangling"}, {"../root/file", "root/out-and-in"},
    };
    static struct tree tree;
    tree.top = make_folder();
    assert_int_equal(mkdir(in_folder(tree.top, "root"), 0700), 0);
    assert_int_equal(mkdir(in_folder(tree.top, "root/sub"), 0700), 0);
    write_file(in_folder(tree.top, "secret"), BYTES("secret"));
    write_file(in_folder(tree.top, "root/file"), BYTES("top"));
    write_file(in_folder(tree.top, "root/sub/file"), BYTES("below"));
    assert_int_equal(mkfifo(in_folder(tree.top, "root/fifo"), 0600), 0);
    for (size_t i = 0; i < COUNT_OF(links); i++)
        assert_int_equal(symlink(links[i].target, in_folder(tree.top, links[i].name)), 0);
    assert_int_equal(symlink(in_folder(tree.top, "root/file"), in_folder(tree.top, "root/absolute")), 0);
    tree.root = open(in_folder(tree.top, "root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(tree.root >= 0);
    *state = &tree;
    return 0;
}

static int tear_down(void **state)
{
    struct tree *tree = *state;
    close(tree->root);
    remove_folder(tree->top);
    return 0;
}

static void check_opens(int root, const char *path, enum mm_links links, const char *text)
{
    char found[32] = "";
    int fd = mm_file_open_beneath(root, path, links);
    check_true(path, fd >= 0);
    assert_true(read(fd, found, sizeof found - 1) >= 0);
    check_text(path, found, text);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void check_refuses(int root, const char *path, enum mm_links links, int error, int other)
{
    errno = 0;
    int fd = mm_file_open_beneath(root, path, links), found = errno;
    if (fd >= 0 || (found != error && found != other && has_openat2()))
        fail_msg("%s: descriptor %d, %s", path, fd, strerror(found));
}

static void what_lies_beneath_opens(void **state)
{
    const struct tree *tree = *state;
    check_opens(tree->root, "file", MM_LINKS_BENEATH, "top");
    check_opens(tree->root, "sub/file", MM_LINKS_BENEATH, "below");
}

static void links_inside_are_followed(void **state)
{
    const struct tree *tree = *state;
    if (!has_openat2())
        skip();
    check_opens(tree->root, "inside", MM_LINKS_BENEATH, "below");
    check_opens(tree->root, "chain", MM_LINKS_BENEATH, "below");
    check_opens(tree->root, "sub/up", MM_LINKS_BENEATH, "top");
    check_opens(tree->root, "folder-link/file", MM_LINKS_BENEATH, "below");
}

static void nothing_leads_out(void **state)
{
    static const char *const paths[] = {
        "../secret", "sub/../../secret", "..", "/etc/passwd", "/", "out", "chain-out", "sub/up-out", "parent/secret", "absolute", "out-and-in",
    };
    const struct tree *tree = *state;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        check_refuses(tree->root, paths[i], MM_LINKS_BENEATH, EXDEV, ELOOP);
    check_refuses(tree->root, in_folder(tree->top, "root/file"), MM_LINKS_BENEATH, EXDEV, EXDEV);
    check_refuses(tree->root, "loop", MM_LINKS_BENEATH, ELOOP, ELOOP);
}

static void no_link_is_followed(void **state)
{
    static const char *const paths[] = {"inside", "chain", "sub/up", "folder-link/file", "loop", "out", "absolute"};
    const struct tree *tree = *state;
    check_opens(tree->root, "file", MM_LINKS_NONE, "top");
    check_opens(tree->root, "sub/file", MM_LINKS_NONE, "below");
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        check_refuses(tree->root, paths[i], MM_LINKS_NONE, ELOOP, ELOOP);
}

static void what_is_absent_says_so(void **state)
{
    const struct tree *tree = *state;
    check_refuses(tree->root, "nowhere", MM_LINKS_BENEATH, ENOENT, ENOENT);
    check_refuses(tree->root, "", MM_LINKS_BENEATH, ENOENT, ENOENT);
    check_refuses(tree->root, "no/file", MM_LINKS_BENEATH, ENOENT, ENOENT);
    check_refuses(tree->root, "file/below", MM_LINKS_BENEATH, ENOTDIR, ENOTDIR);
    check_refuses(tree->root, "file/", MM_LINKS_BENEATH, ENOTDIR, ENOTDIR);
    check_refuses(tree->root, "dangling", MM_LINKS_BENEATH, ENOENT, ENOENT);
}

static void only_regular_files_open_beneath(void **state)
{
    const struct tree *tree = *state;
    check_refuses(tree->root, "fifo", MM_LINKS_BENEATH, ENXIO, ENXIO);
    check_refuses(tree->root, "sub", MM_LINKS_BENEATH, EISDIR, EISDIR);
    check_refuses(tree->root, ".", MM_LINKS_BENEATH, EISDIR, EISDIR);
    check_refuses(tree->root, "fifo", MM_LINKS_FOLLOW, ENXIO, ENXIO);
    check_refuses(tree->root, "sub", MM_LINKS_FOLLOW, EISDIR, EISDIR);
}

static void links_lead_anywhere_where_asked(void **state)
{
    const struct tree *tree = *state;
    check_opens(tree->root, "out", MM_LINKS_FOLLOW, "secret");
    check_opens(tree->root, "chain-out", MM_LINKS_FOLLOW, "secret");
    check_opens(tree->root, "absolute", MM_LINKS_FOLLOW, "top");
    check_refuses(tree->root, "dangling", MM_LINKS_FOLLOW, ENOENT, ENOENT);
}

static void opening_by_name_takes_regular_files_alone(void **state)
{
    const struct tree *tree = *state;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int fd = mm_file_open(in_folder(tree->top, "root/out"), &diags);
    assert_true(fd >= 0);
    close(fd);
    check_findings("file", &diags, "");
    assert_int_equal(mm_file_open(in_folder(tree->top, "root/fifo"), &diags), -1);
    check_findings("fifo", &diags, "io-not-regular");
    assert_int_equal(mm_file_open(in_folder(tree->top, "root"), &diags), -1);
    check_findings("folder", &diags, "io-not-regular");
    assert_int_equal(mm_file_open("/dev/null", &diags), -1);
    check_findings("device", &diags, "io-not-regular");
    assert_int_equal(mm_file_open(in_folder(tree->top, "nowhere"), &diags), -1);
    check_findings("absent", &diags, "io-open");
    mm_diags_release(&diags);
}

static void folders_open_as_folders(void **state)
{
    const struct tree *tree = *state;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int fd = mm_file_open_folder(in_folder(tree->top, "root"), &diags);
    assert_true(fd >= 0);
    check_opens(fd, "file", MM_LINKS_BENEATH, "top");
    close(fd);
    check_findings("folder", &diags, "");
    assert_int_equal(mm_file_open_folder(in_folder(tree->top, "secret"), &diags), -1);
    check_findings("file", &diags, "io-open");
    assert_int_equal(mm_file_open_folder(in_folder(tree->top, "nowhere"), &diags), -1);
    check_findings("absent", &diags, "io-open");
    mm_diags_release(&diags);
}

static void a_file_is_the_same_until_anything_changes(void **state)
{
    const struct stat before = {.st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = {4, 5}, .st_ctim = {6, 7}};
    struct stat after[7];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(after); i++)
        after[i] = before;
    assert_true(mm_file_same(&before, &after[0]));
    after[0].st_dev++, after[1].st_ino++, after[2].st_size++, after[3].st_mtim.tv_sec++, after[4].st_mtim.tv_nsec++;
    after[5].st_ctim.tv_sec++, after[6].st_ctim.tv_nsec++;
    for (size_t i = 0; i < COUNT_OF(after); i++)
        assert_false(mm_file_same(&before, &after[i]));
    struct stat read = before;
    read.st_atim.tv_sec = 99;
    assert_true(mm_file_same(&before, &read));
}

/* ---- reading ---- */

static void reading_stops_behind_the_limit(void **state)
{
    static const struct { size_t length, limit; int result; size_t held; } cases[] = {
        {0, 0, 0, 0}, {1, 0, 1, 1}, {10, 10, 0, 10}, {11, 10, 1, 11}, {1000, 10, 1, 11}, {65536, 65536, 0, 65536}, {65537, 65536, 1, 65537},
        {200000, 65535, 1, 65536}, {200000, 300000, 0, 200000}, {200000, 131072, 1, 131073},
    };
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    char *bytes = test_malloc(200000);
    for (size_t i = 0; i < 200000; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf buf = {0};
        int fd = file_of(bytes, cases[i].length);
        assert_int_equal(mm_file_read_all(fd, cases[i].limit, &buf, &diags), cases[i].result);
        assert_int_equal(buf.length, cases[i].held);
        if (buf.length)
            assert_memory_equal(buf.data, bytes, buf.length);
        mm_buf_release(&buf);
        close(fd);
    }
    test_free(bytes);
    check_findings("reading", &diags, "");
    mm_diags_release(&diags);
}

static void a_named_file_is_read_whole(void **state)
{
    static const struct { size_t length, limit; int result; size_t held; } cases[] = {
        {0, 10, 0, 0}, {10, 10, 0, 10}, {11, 10, 1, 11}, {3, 10, 0, 3}, {65536, 65536, 0, 65536}, {65536, 65535, 1, 65536}, {200000, 300000, 0, 200000},
        {200000, 100, 1, 101}, {0, 0, 0, 0},
    };
    char folder[] = "/tmp/minimodel-file.XXXXXX", path[64];
    struct mm_buf buf = {0};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    char *bytes = test_malloc(200000);
    for (size_t i = 0; i < 200000; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < COUNT_OF(cases); i++) { /* into what the one before left */
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, bytes, cases[i].length), cases[i].length);
        close(fd);
        assert_int_equal(mm_file_read_path(path, cases[i].limit, &buf, &diags), cases[i].result);
        assert_int_equal(buf.length, cases[i].held);
        if (buf.length)
            assert_memory_equal(buf.data, bytes, buf.length);
    }
    check_findings("reading", &diags, "");
    assert_int_equal(mm_file_read_path(folder, 10, &buf, &diags), -1);
    unlink(path);
    assert_int_equal(mm_file_read_path(path, 10, &buf, &diags), -1);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mm_file_read_path(path, 10, &buf, &diags), -1);
    check_findings("what is none", &diags, "io-not-regular io-open io-not-regular");
    assert_int_equal(buf.length, 0);
    assert_int_equal(mm_file_read_path("/proc/self/stat", 10000, &buf, &diags) == 0 && buf.length > 0, access("/proc/self/stat", R_OK) == 0); /* of 0 bytes, it says */
    unlink(path);
    rmdir(folder);
    test_free(bytes);
    mm_buf_release(&buf);
    mm_diags_release(&diags);
}

static void failed_reads_are_reported(void **state)
{
    const struct tree *tree = *state;
    struct mm_buf buf = {0};
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_file_read_all(tree->root, 100, &buf, &diags), -1);
    check_findings("folder", &diags, "io-read");
    mm_buf_release(&buf);
    mm_diags_release(&diags);
}

/* ---- writing ---- */

static size_t count_names(const char *folder)
{
    size_t count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(listing);
    return count;
}

/* Nothing but a regular file of that folder, and no more of it than was allowed; a buffer that was of use before is of use again. */
static void a_file_of_a_folder_is_read_unless_it_is_another_thing(void **state)
{
    const struct tree *tree = *state;
    static const char *const others[] = {"sub", "inside", "out", "fifo", "absent", "dangling"};
    struct mm_buf text = {0};
    assert_true(mm_file_read_in(tree->root, "file", 3, &text));
    assert_string_equal(text.data, "top");
    assert_false(mm_file_read_in(tree->root, "file", 2, &text));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(mm_file_read_in(tree->root, others[i], 1000, &text));
    assert_int_equal(mm_file_open_folder_in(tree->root, "folder-link"), -1);
    assert_int_equal(mm_file_open_folder_in(tree->root, "file"), -1);
    int sub = mm_file_open_folder_in(tree->root, "sub");
    assert_true(sub >= 0);
    assert_true(mm_file_read_in(sub, "file", 1000, &text));
    assert_string_equal(text.data, "below");
    close(sub);
    mm_buf_release(&text);
}

struct scene {
    char *folder;
    const char *path;
    struct mm_writer writer;
    struct mm_diags diags;
};

static void begin(struct scene *scene)
{
    scene->folder = make_folder();
    scene->path = in_folder(scene->folder, "out");
    mm_diags_init(&scene->diags);
}

static void end(struct scene *scene)
{
    check_findings("the end", &scene->diags, "");
    mm_diags_release(&scene->diags);
    remove_folder(scene->folder);
}

static void a_file_appears_whole_at_commit(void **state)
{
    struct scene s;
    struct stat info;
    (void)state;
    begin(&s);
    mode_t mask = umask(027);
    assert_int_equal(mm_writer_open(&s.writer, s.path, false, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("first "), &s.diags), 0);
    assert_int_equal(access(s.path, F_OK), -1);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("second"), &s.diags), 0);
    assert_int_equal(access(s.path, F_OK), -1);
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
    umask(mask);
    assert_true(file_holds(s.path, "first second"));
    assert_int_equal(stat(s.path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_int_equal(count_names(s.folder), 1);
    mm_writer_abandon(&s.writer);
    assert_true(file_holds(s.path, "first second"));
    end(&s);
}

/* What was written before is not in it; the descriptor stays the caller's. */
static void a_file_without_a_name_can_be_adopted(void **state)
{
    struct scene s;
    char byte;
    (void)state;
    begin(&s);
    int fd = open(s.folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0) {
        end(&s);
        skip();
    }
    assert_int_equal(write(fd, "other", 5), 5);
    assert_int_equal(mm_writer_open(&s.writer, s.path, false, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("first"), &s.diags), 0);
    if (mm_writer_adopt(&s.writer, fd)) {
        assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
        assert_true(file_holds(s.path, "other"));
        assert_int_equal(count_names(s.folder), 1);
    }
    mm_writer_abandon(&s.writer);
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    close(fd);
    end(&s);
}

static void an_existing_file_is_kept(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    write_file(s.path, BYTES("old"));
    assert_int_equal(mm_writer_open(&s.writer, s.path, false, &s.diags), -1);
    check_findings("exists", &s.diags, "io-exists");
    assert_true(file_holds(s.path, "old"));
    assert_int_equal(count_names(s.folder), 1);
    end(&s);
}

static void a_dangling_link_is_kept_too(void **state)
{
    struct scene s;
    char target[64];
    (void)state;
    begin(&s);
    assert_int_equal(symlink("nowhere", s.path), 0);
    assert_int_equal(mm_writer_open(&s.writer, s.path, false, &s.diags), -1);
    check_findings("exists", &s.diags, "io-exists");
    assert_int_equal(readlink(s.path, target, sizeof target), 7);
    assert_int_equal(count_names(s.folder), 1);
    end(&s);
}

static void a_file_that_came_meanwhile_is_kept(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(mm_writer_open(&s.writer, s.path, false, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("ours"), &s.diags), 0);
    write_file(s.path, BYTES("theirs"));
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), -1);
    check_findings("exists", &s.diags, "io-exists");
    assert_true(file_holds(s.path, "theirs"));
    assert_int_equal(count_names(s.folder), 1);
    end(&s);
}

static void force_replaces_at_commit_and_not_before(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    write_file(s.path, BYTES("old"));
    assert_int_equal(mm_writer_open(&s.writer, s.path, true, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("new"), &s.diags), 0);
    assert_true(file_holds(s.path, "old"));
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
    assert_true(file_holds(s.path, "new"));
    assert_int_equal(count_names(s.folder), 1);
    end(&s);
}

static void force_creates_where_nothing_was(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(mm_writer_open(&s.writer, s.path, true, &s.diags), 0);
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
    assert_true(file_holds(s.path, ""));
    assert_int_equal(count_names(s.folder), 1);
    end(&s);
}

static void force_replaces_a_link_and_not_its_target(void **state)
{
    struct scene s;
    struct stat info;
    (void)state;
    begin(&s);
    write_file(in_folder(s.folder, "target"), BYTES("untouched"));
    assert_int_equal(symlink("target", s.path), 0);
    assert_int_equal(mm_writer_open(&s.writer, s.path, true, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("new"), &s.diags), 0);
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
    assert_int_equal(lstat(s.path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_true(file_holds(in_folder(s.folder, "target"), "untouched"));
    end(&s);
}

static void a_folder_in_the_way_leaves_nothing_else(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(mm_writer_open(&s.writer, s.path, true, &s.diags), 0);
    assert_int_equal(mkdir(s.path, 0700), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("new"), &s.diags), 0);
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), -1);
    check_findings("folder", &s.diags, "io-write");
    assert_int_equal(count_names(s.folder), 1);
    mm_diags_clear(&s.diags);
    assert_int_equal(mm_writer_open(&s.writer, s.path, true, &s.diags), -1);
    check_findings("folder", &s.diags, "io-write");
    end(&s);
}

static void what_is_abandoned_leaves_nothing(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    for (int force = 0; force < 2; force++) {
        assert_int_equal(mm_writer_open(&s.writer, s.path, force, &s.diags), 0);
        assert_int_equal(mm_writer_write(&s.writer, BYTES("dropped"), &s.diags), 0);
        mm_writer_abandon(&s.writer);
        mm_writer_abandon(&s.writer);
        assert_int_equal(count_names(s.folder), 0);
    }
    end(&s);
}

static void a_missing_folder_is_a_failed_write(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(mm_writer_open(&s.writer, in_folder(s.folder, "no/out"), false, &s.diags), -1);
    check_findings("absent folder", &s.diags, "io-write");
    assert_int_equal(mm_writer_open(&s.writer, "", false, &s.diags) == 0 ? mm_writer_commit(&s.writer, &s.diags) : -1, -1);
    check_findings("no name", &s.diags, "io-write");
    assert_int_equal(count_names(s.folder), 0);
    end(&s);
}

static void a_full_device_is_reported(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0)
        skip();
    assert_int_equal(mm_file_write_all(full, BYTES("text"), "the report", &diags), -1);
    assert_non_null(strstr(diags.items[0].text, "the report"));
    check_findings("full", &diags, "io-write");
    assert_int_equal(mm_file_write_all(full, "", 0, "nothing", &diags), 0);
    check_findings("nothing to write", &diags, "");
    close(full);
    mm_diags_release(&diags);
}

static void a_full_disk_leaves_no_file(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0)
        skip();
    assert_int_equal(mm_writer_open(&s.writer, s.path, false, &s.diags), 0);
    assert_true(dup2(full, s.writer.fd) >= 0);
    close(full);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("lost"), &s.diags), -1);
    check_findings("full", &s.diags, "io-write");
    mm_writer_abandon(&s.writer);
    assert_int_equal(count_names(s.folder), 0);
    end(&s);
}

static void names_are_taken_from_the_present_folder(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(s.folder), 0);
    assert_int_equal(mm_writer_open(&s.writer, "bare", false, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("here"), &s.diags), 0);
    assert_int_equal(fchdir(back), 0);
    close(back);
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
    assert_true(file_holds(in_folder(s.folder, "bare"), "here"));
    end(&s);
}

/* What stands before the last component is shown, and leads nowhere. */
static void files_are_written_in_an_open_folder(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    int folder = open(s.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mm_writer_open_in(&s.writer, folder, "no/such/folder/file", false, &s.diags), 0);
    assert_int_equal(mm_writer_write(&s.writer, BYTES("here"), &s.diags), 0);
    assert_int_equal(mm_writer_commit(&s.writer, &s.diags), 0);
    assert_true(file_holds(in_folder(s.folder, "file"), "here"));
    assert_int_equal(mm_writer_open_in(&s.writer, folder, "shown/file", false, &s.diags), -1);
    assert_non_null(strstr(s.diags.items[0].text, "shown/file"));
    check_findings("it is there", &s.diags, "io-exists");
    close(folder);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_lies_beneath_opens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_inside_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_leads_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_link_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_absent_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_regular_files_open_beneath, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_lead_anywhere_where_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_by_name_takes_regular_files_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_open_as_folders, set_up, tear_down),
        cmocka_unit_test(a_file_is_the_same_until_anything_changes),
        cmocka_unit_test(reading_stops_behind_the_limit),
        cmocka_unit_test(a_named_file_is_read_whole),
        cmocka_unit_test_setup_teardown(failed_reads_are_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_a_folder_is_read_unless_it_is_another_thing, set_up, tear_down),
        cmocka_unit_test(a_file_appears_whole_at_commit),
        cmocka_unit_test(a_file_without_a_name_can_be_adopted),
        cmocka_unit_test(an_existing_file_is_kept),
        cmocka_unit_test(a_dangling_link_is_kept_too),
        cmocka_unit_test(a_file_that_came_meanwhile_is_kept),
        cmocka_unit_test(force_replaces_at_commit_and_not_before),
        cmocka_unit_test(force_creates_where_nothing_was),
        cmocka_unit_test(force_replaces_a_link_and_not_its_target),
        cmocka_unit_test(a_folder_in_the_way_leaves_nothing_else),
        cmocka_unit_test(what_is_abandoned_leaves_nothing),
        cmocka_unit_test(a_missing_folder_is_a_failed_write),
        cmocka_unit_test(a_full_device_is_reported),
        cmocka_unit_test(a_full_disk_leaves_no_file),
        cmocka_unit_test(names_are_taken_from_the_present_folder),
        cmocka_unit_test(files_are_written_in_an_open_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
