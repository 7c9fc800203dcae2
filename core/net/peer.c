#include "core/net/peer.h"

#include "core/base/str.h"
#include "core/net/diag_internal.h"
#include "core/net/socket_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A socket whose process is searched for. */
struct wanted {
    uint32_t inode;
    struct peer *peer; /* in the result */
};

struct peer_search {
    uv_work_t work;
    void (*done)(void *owner, const struct peer *found, size_t n);
    void *owner;
    atomic_bool cancelled;
    struct wanted wanted[PEER_BATCH]; /* those not found yet, by inode */
    size_t n_wanted;
    size_t n;
    struct peer peers[];
};

/* ---- what the stream tells ---- */

void peer_of(struct stream *s, struct peer *out)
{
    const struct socket_stream *t = socket_of(s);
    struct ucred who;
    socklen_t size = sizeof who;
    *out = (struct peer){.state = PEER_ELSEWHERE};
    if (t == NULL)
        return;
    int fd = socket_descriptor(t);
    if (!t->unix_socket) {
        if (diag_ends(fd, &out->ours, &out->theirs) && diag_is_here(&out->ours, &out->theirs))
            out->state = PEER_LOCAL;
    } else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid > 0) {
        *out =
            (struct peer){.state = PEER_LOCAL, .pid = who.pid, .uid_known = true, .uid = who.uid};
    }
}

static bool tcp_user(int fd, uid_t *out)
{
    struct peer_end ours, theirs;
    struct diag_socket found;
    int diag = diag_ends(fd, &ours, &theirs) && diag_is_loopback(&theirs) ? diag_open() : -1;
    bool held = diag >= 0 && diag_find(diag, &theirs, &ours, &found) == DIAG_HELD;
    if (diag >= 0)
        close(diag);
    if (held)
        *out = found.uid;
    return held;
}

bool peer_fd_is_ours(int fd)
{
    struct sockaddr_storage own;
    struct ucred who;
    socklen_t size = sizeof own, n = sizeof who;
    uid_t uid;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0)
        return false;
    if (own.ss_family != AF_UNIX) {
        if (!tcp_user(fd, &uid))
            return false;
    } else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0) {
        uid = who.uid;
    } else {
        return false;
    }
    return uid == geteuid() || uid == 0;
}

bool peer_is_ours(struct stream *s)
{
    const struct socket_stream *t = socket_of(s);
    return t != NULL && peer_fd_is_ours(socket_descriptor(t));
}

/* ---- on the thread ---- */

static void read_name(struct peer *p)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)p->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, p->name, sizeof p->name) : 0;
    if (fd >= 0)
        close(fd);
    if (n > 0 && p->name[n - 1] == '\n')
        n--;
    if (n < 0)
        n = 0;
    p->name[n < PEER_NAME ? n : PEER_NAME - 1] = '\0';
}

/* The users' database may be slow, so a user who has many sockets is looked up once. */
static void read_user(struct peer_search *s, struct peer *p)
{
    char text[4096];
    struct passwd entry, *found = NULL;
    const struct peer *same = s->peers;
    while (same < p && !(same->uid_known && same->uid == p->uid))
        same++;
    if (same < p)
        memcpy(p->user, same->user, sizeof p->user);
    else if (getpwuid_r(p->uid, &entry, text, sizeof text, &found) == 0 && found != NULL)
        snprintf(p->user, sizeof p->user, "%s", found->pw_name);
}

static int by_inode(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* Turns addresses into inodes; the peer of a unix socket lacks only its name. */
static void find_sockets(struct peer_search *s)
{
    int diag = diag_open();
    size_t looked = 0;
    for (size_t i = 0; i < s->n && looked < PEER_BATCH; i++) {
        struct peer *p = &s->peers[i];
        struct diag_socket found;
        if (p->state != PEER_LOCAL)
            continue;
        looked++;
        p->state = PEER_SEARCHED;
        if (p->pid != 0) {
            read_name(p);
        } else if (diag >= 0 && diag_find(diag, &p->theirs, &p->ours, &found) == DIAG_HELD) {
            p->uid_known = true;
            p->uid = found.uid;
            s->wanted[s->n_wanted++] = (struct wanted){found.inode, p};
        }
        if (p->uid_known)
            read_user(s, p);
    }
    if (diag >= 0)
        close(diag);
    qsort(s->wanted, s->n_wanted, sizeof *s->wanted, by_inode);
}

/* Notes a match when the process's descriptor `name` is one of the wanted sockets. */
static void look_at(struct peer_search *s, int fds, const char *name, pid_t pid)
{
    char text[64];
    uint64_t inode;
    ssize_t n = readlinkat(fds, name, text, sizeof text - 1);
    if (n <= 0)
        return;
    text[n] = '\0';
    struct span rest = span_of(text), kind = span_cut(&rest, '[');
    if (!span_is(kind, "socket:") || !str_number(span_cut(&rest, ']'), UINT32_MAX, &inode))
        return;
    struct wanted key = {.inode = (uint32_t)inode};
    struct wanted *w = bsearch(&key, s->wanted, s->n_wanted, sizeof *w, by_inode);
    if (w == NULL)
        return;
    w->peer->pid = pid;
    read_name(w->peer);
    s->n_wanted--;
    memmove(w, w + 1, (size_t)(&s->wanted[s->n_wanted] - w) * sizeof *w);
}

static DIR *open_dir(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

static void search_process(struct peer_search *s, int proc, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/fd", name);
    DIR *fds = open_dir(proc, path);
    if (fds == NULL)
        return; /* another user's process, or one that has ended */
    for (struct dirent *e; s->n_wanted > 0 && (e = readdir(fds)) != NULL;)
        if (isdigit((unsigned char)e->d_name[0]) && !s->cancelled)
            look_at(s, dirfd(fds), e->d_name, (pid_t)strtol(name, NULL, 10));
    closedir(fds);
}

/* A socket that several processes hold (parent and child) counts as the first one's. */
static void find_processes(struct peer_search *s)
{
    DIR *proc = open_dir(AT_FDCWD, "/proc");
    if (proc == NULL)
        return;
    for (struct dirent *e; s->n_wanted > 0 && !s->cancelled && (e = readdir(proc)) != NULL;)
        if (isdigit((unsigned char)e->d_name[0]))
            search_process(s, dirfd(proc), e->d_name);
    closedir(proc);
}

static void search(uv_work_t *work)
{
    struct peer_search *s = work->data;
    find_sockets(s);
    if (s->n_wanted > 0)
        find_processes(s);
}

/* ---- on the loop ---- */

static void after_search(uv_work_t *work, int status)
{
    struct peer_search *s = work->data;
    (void)status; /* status differs from 0 only after uv_cancel */
    if (!s->cancelled)
        s->done(s->owner, s->peers, s->n);
    free(s);
}

struct peer_search *peer_search_start(struct loop *loop, const struct peer *peers, size_t n,
                                      void (*done)(void *owner, const struct peer *found, size_t n),
                                      void *owner)
{
    struct peer_search *s = calloc(1, sizeof *s + n * sizeof *peers);
    if (s == NULL)
        return NULL;
    s->work.data = s;
    s->done = done;
    s->owner = owner;
    s->n = n;
    if (n > 0)
        memcpy(s->peers, peers, n * sizeof *peers);
    if (uv_queue_work(loop_uv(loop), &s->work, search, after_search) == 0)
        return s;
    free(s);
    return NULL;
}

void peer_search_cancel(struct peer_search *s)
{
    if (s == NULL)
        return;
    s->cancelled = true;
    uv_cancel((uv_req_t *)&s->work); /* fails when the search runs already, which then ends soon */
}
