/* The file that is written: the target itself, or a new one that takes its name once it is whole (act/repair_parts.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#endif

#include "act/repair_parts.h"
#include "base/tree.h"
#include "text/path.h"

/* ---- the file as it is ---- */

/* Written in place is what has one name and may be written; somebody meant it to stay as it is otherwise, or holds it under another name. */
static bool is_writable(const struct mm_repair_run *run)
{
    return run->before.st_nlink == 1 && (run->before.st_mode & S_IWUSR);
}

static int not_opened(struct mm_repair_run *run, int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return 0;
    if (error == EXDEV || error == ELOOP)
        return mm_diag(run->diags, MM_RULE_IO_NOT_REGULAR,
                       "expected a file beneath the folder, found a link that leads out of it");
    if (error == EISDIR || error == ENXIO)
        return mm_diag(run->diags, MM_RULE_IO_NOT_REGULAR, "expected a regular file, found something else");
    return mm_diag_errno(run->diags, MM_RULE_IO_OPEN, "cannot open", error);
}

int mm_work_open(struct mm_repair_run *run)
{
    const struct mm_repair_target *target = run->target;
    struct stat info;
    run->old = mm_file_open_beneath(target->folder, target->path, run->options->links);
    if (run->old < 0)
        return not_opened(run, errno);
    if (fstat(run->old, &run->before) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_READ, "cannot read", errno);
    if (target->out)
        return 0;
    int named = mm_file_open_beneath(target->folder, target->path, MM_LINKS_NONE);
    run->linked = named < 0 && errno == ELOOP;
    if (named >= 0)
        close(named);
    if (run->linked || !is_writable(run))
        return 0;
    run->work = mm_file_open_beneath_to_write(target->folder, target->path, MM_LINKS_NONE);
    if (run->work < 0)
        return 0;
    run->in_place = true;
    if (fstat(run->work, &info) < 0 || info.st_dev != run->before.st_dev || info.st_ino != run->before.st_ino)
        return mm_diag(run->diags, MM_RULE_IO_CHANGED, "the file was replaced by another just now");
    return 0;
}

void mm_work_anew(struct mm_repair_run *run)
{
    if (run->work >= 0)
        close(run->work);
    run->work = -1;
    run->in_place = false;
}

/* ---- a new one ---- */

static void name_made(struct mm_repair_run *run)
{
    memcpy(run->made, MM_REPAIR_BEGINNING, sizeof MM_REPAIR_BEGINNING);
    mm_hex(run->made + sizeof MM_REPAIR_BEGINNING - 1, run->target->claim->chunks.sha256, MM_HASH_BYTES);
}

/* Opens the folder in which the new file is to stand, and fills in its names. */
static int open_parent(struct mm_repair_run *run)
{
    const struct mm_repair_target *target = run->target;
    size_t length = target->out ? 0 : mm_path_folder_length(target->path);
    run->base = target->out ? target->out : mm_path_name(target->path);
    name_made(run);
    if (strcmp(run->base, run->made) == 0)
        return mm_diag(run->diags, MM_RULE_IO_EXISTS,
                       "expected another name, found the one that a repair gives to its own file");
    if (length == 0) {
        run->parent = fcntl(target->out ? target->out_folder : target->folder, F_DUPFD_CLOEXEC, 0);
    } else {
        char *folder = strndup(target->path, length - 1);
        if (!folder)
            return mm_diag_memory(run->diags);
        if (mm_tree_make_for(target->folder, target->path, run->diags) == 0)
            run->parent = mm_tree_open(target->folder, folder);
        free(folder);
    }
    return run->parent >= 0 ? 0 : mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot open the folder", errno);
}

/* What stands under the name has to be the file that was read, or nothing; with --output a file that may be replaced. */
static int check_name(struct mm_repair_run *run)
{
    struct stat there;
    if (fstatat(run->parent, run->base, &there, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot look at the name", errno);
    if (run->target->out && S_ISREG(there.st_mode) && run->options->force)
        return 0;
    if (run->target->out)
        return mm_diag(run->diags, MM_RULE_IO_EXISTS, "will not replace %s", run->target->out);
    if (S_ISLNK(there.st_mode))
        return mm_diag(run->diags, MM_RULE_IO_NOT_REGULAR,
                       "expected a file that can be replaced, found a symbolic link: name the file that it leads to");
    if (run->old < 0 || !mm_file_is_named(run->parent, run->base, run->old))
        return mm_diag(run->diags, MM_RULE_IO_CHANGED, "another file has the name just now");
    return 0;
}

/* The new file takes no other's place: mode and owner are those of any new file. */
static bool is_fresh(const struct mm_repair_run *run)
{
    return run->old < 0 || run->target->out;
}

/* Another user's file would become ours; only who may give files away can make it anew. */
static int check_owner(struct mm_repair_run *run)
{
    if (is_fresh(run) || run->before.st_uid == geteuid() || geteuid() == 0)
        return 0;
    return mm_diag(run->diags, MM_RULE_IO_WRITE,
                   "the file is another user's and cannot be written in place: --output makes a copy");
}

/* A group that cannot be kept is not replaced by another that may do what it could. */
static int keep_owner(struct mm_repair_run *run)
{
    mode_t mode = run->before.st_mode & 0777;
    struct stat info;
    if (is_fresh(run))
        return 0;
    if (fstat(run->work, &info) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_READ, "cannot read", errno);
    if ((info.st_uid != run->before.st_uid || info.st_gid != run->before.st_gid) &&
        fchown(run->work, run->before.st_uid, run->before.st_gid) < 0) {
        if (info.st_uid != run->before.st_uid)
            return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot give the new file to the old one's owner",
                                 errno);
        mode &= ~(mode_t)S_IRWXG;
    }
    if ((info.st_mode & 0777) != mode && fchmod(run->work, mode) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot set the mode", errno);
    return 0;
}

/* Shares the blocks of the old file, which costs nothing where the file system can do it. */
static void share_blocks(const struct mm_repair_run *run)
{
#ifdef FICLONE
    struct stat info;
    if (run->list && run->old >= 0 && fstat(run->work, &info) == 0 && info.st_size == 0)
        ioctl(run->work, FICLONE, run->old);
#else
    (void)run;
#endif
}

/* What stands under the work file's name is what an earlier call left, unless it is anybody's whom this call is about. */
static bool is_own(const struct mm_repair_run *run, const struct stat *info)
{
    const struct mm_fetch *fetch = &run->fetch;
    struct stat other;
    if (!S_ISREG(info->st_mode) || info->st_nlink != 1 || info->st_uid != geteuid() ||
        (run->options->files && mm_repair_files_have(run->options->files, info)))
        return false;
    for (size_t i = 0; i < fetch->count; i++) /* the file that is mended is among them */
        if (fstat(fetch->places[i].fd, &other) < 0 || (other.st_dev == info->st_dev && other.st_ino == info->st_ino))
            return false;
    return true;
}

/* Makes the new file, or takes up what an earlier call left of it. */
static int open_new(struct mm_repair_run *run)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat info;
    run->work = openat(run->parent, run->made, flags | O_CREAT | O_EXCL, is_fresh(run) ? 0666 : 0600);
    bool there = run->work < 0 && errno == EEXIST;
    if (there)
        run->work = openat(run->parent, run->made, flags);
    if (run->work < 0)
        return mm_diag(run->diags, MM_RULE_IO_WRITE, "cannot create %s: %s", run->made, strerror(errno));
    if (fstat(run->work, &info) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_READ, "cannot read", errno);
    if (there && !is_own(run, &info))
        return mm_diag(run->diags, MM_RULE_IO_EXISTS,
                       "will not write %s: expected what an earlier repair left, found a file of another kind or use",
                       run->made);
    run->taken_up = there && info.st_size > 0;
    return 0;
}

/* Two repairs of one file would count each other's chunks and take each other's names. */
static int lock_work(struct mm_repair_run *run)
{
    if (flock(run->work, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return mm_diag(run->diags, MM_RULE_IO_CHANGED, "another process is at work on it and has it locked");
    if (!run->in_place && !mm_file_is_named(run->parent, run->made, run->work))
        return mm_diag(run->diags, MM_RULE_IO_CHANGED, "another process was at work on %s", run->made);
    return 0;
}

int mm_work_begin(struct mm_repair_run *run)
{
    if (run->in_place)
        return lock_work(run);
    if (check_owner(run) < 0 || open_parent(run) < 0 || check_name(run) < 0 || open_new(run) < 0 || lock_work(run) < 0)
        return -1;
    share_blocks(run);
    if (run->old >= 0 && run->before.st_nlink > 1 && !run->target->out)
        mm_note(run->diags, MM_RULE_REPAIR_ANEW,
                "the file has %" PRIu64 " names: it is made anew under this one, and stays as it is under the others",
                (uint64_t)run->before.st_nlink);
    else if (run->old >= 0 && !run->target->out && run->list)
        mm_note(run->diags, MM_RULE_REPAIR_ANEW, "the file may not be written: it is made anew");
    return 0;
}

/* ---- its end ---- */

int mm_work_flush(struct mm_repair_run *run)
{
    if (fsync(run->work) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot flush", errno);
#ifdef POSIX_FADV_DONTNEED
    posix_fadvise(run->work, 0, 0, POSIX_FADV_DONTNEED);
#endif
    return 0;
}

/* The name has to lead to the file still: who replaced it meanwhile has another one there, which nobody looked at. */
static int check_place(struct mm_repair_run *run)
{
    struct stat here, there;
    int fd = mm_file_open_beneath(run->target->folder, run->target->path, MM_LINKS_NONE);
    bool same = fd >= 0 && fstat(fd, &there) == 0 && fstat(run->work, &here) == 0 && here.st_dev == there.st_dev &&
                here.st_ino == there.st_ino;
    if (fd >= 0)
        close(fd);
    return same ? 0 : mm_diag(run->diags, MM_RULE_IO_CHANGED, "the file was replaced by another while it was mended");
}

/* Gives the file its name where nothing has it; a file system that has neither this rename nor links gets the plain one. */
static int give_name(struct mm_repair_run *run)
{
    if (!run->options->force && is_fresh(run)) {
#if defined SYS_renameat2 && defined RENAME_NOREPLACE
        if (syscall(SYS_renameat2, run->parent, run->made, run->parent, run->base, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno == EEXIST)
            return -1;
#endif
        if (linkat(run->parent, run->made, run->parent, run->base, 0) == 0)
            return unlinkat(run->parent, run->made, 0);
        if (errno == EEXIST)
            return -1;
    }
    return renameat(run->parent, run->made, run->parent, run->base);
}

int mm_work_publish(struct mm_repair_run *run)
{
    if (run->in_place)
        return check_place(run);
    if (check_name(run) < 0 || keep_owner(run) < 0)
        return -1;
    if (fsync(run->work) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot flush", errno);
    if (give_name(run) < 0)
        return mm_diag(run->diags, MM_RULE_IO_WRITE, "cannot rename %s: %s", run->made, strerror(errno));
    if (fsync(run->parent) < 0 && errno != EINVAL)
        return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot flush the folder", errno);
    return run->options->files ? mm_repair_files_add_target(run->options->files, run->parent, run->base,
                                                            &run->target->claim->chunks, run->diags)
                               : 0;
}

void mm_work_drop(struct mm_repair_run *run)
{
    if (!run->in_place && !run->taken_up && run->work >= 0 && mm_file_is_named(run->parent, run->made, run->work))
        unlinkat(run->parent, run->made, 0);
}

void mm_work_tell_left(struct mm_repair_run *run)
{
    const struct mm_repair_target *target = run->target;
    const struct mm_repair_files *files = run->options->files;
    char path[PATH_MAX];
    struct stat info;
    name_made(run);
    int length =
        snprintf(path, sizeof path, "%.*s%s", (int)mm_path_folder_length(target->path), target->path, run->made);
    if (!target->out && !run->linked && length < (int)sizeof path &&
        fstatat(target->folder, path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
        !(files && mm_repair_files_have(files, &info)))
        mm_note(run->diags, MM_RULE_REPAIR_ANEW,
                "%s, which an earlier call left beside it, is no longer needed and can be removed", run->made);
}

void mm_work_release(struct mm_repair_run *run)
{
    if (run->work >= 0)
        close(run->work);
    if (run->old >= 0)
        close(run->old);
    if (run->parent >= 0)
        close(run->parent);
    run->work = run->old = run->parent = -1;
}
