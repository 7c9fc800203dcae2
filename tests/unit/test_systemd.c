/* What systemd offers: a datagram socket and descriptors of the test's own stand for it. */
#include "core/net/systemd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- readiness ---- */

/* A datagram socket at that name ("@..." : abstract). */
static int listen_at(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && n < sizeof a.sun_path);
    memcpy(a.sun_path, name, n);
    if (name[0] == '@')
        a.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    return fd;
}

static void assert_told(int fd, const char *text)
{
    char got[300] = "";
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    assert_int_equal(n, strlen(text));
    assert_string_equal(got, text);
}

static void notifies(void **state)
{
    char folder[] = "/tmp/test_systemd.XXXXXX", names[2][80];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(names[0], sizeof names[0], "%s/notify", folder);
    snprintf(names[1], sizeof names[1], "@test-systemd-%ld", (long)getpid());
    for (int i = 0; i < 2; i++) {
        int fd = listen_at(names[i]);
        setenv("NOTIFY_SOCKET", names[i], 1);
        assert_int_equal(systemd_notify("READY=1"), ERR_OK);
        assert_int_equal(systemd_notify("RELOADING=1\nMONOTONIC_USEC=12"), ERR_OK);
        assert_told(fd, "READY=1");
        assert_told(fd, "RELOADING=1\nMONOTONIC_USEC=12");
        assert_true(recv(fd, names, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
        close(fd);
        assert_int_equal(systemd_notify("READY=1"), ERR_IO);
    }
    unlink(names[0]);
    rmdir(folder);
    unsetenv("NOTIFY_SOCKET");
}

static void notifies_nobody(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(systemd_notify("READY=1"), ERR_OK);
}

static void odd_notify_sockets(void **state)
{
    static const char *const odd[] = {"", "@", "/", "relative", "vsock:2:1", "/no/such/file"};
    char long_name[200] = "/";
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        setenv("NOTIFY_SOCKET", odd[i], 1);
        assert_int_equal(systemd_notify("READY=1"), ERR_IO);
    }
    memset(long_name + 1, 'x', sizeof long_name - 2);
    setenv("NOTIFY_SOCKET", long_name, 1);
    assert_int_equal(systemd_notify("READY=1"), ERR_IO);
    unsetenv("NOTIFY_SOCKET");
}

/* ---- sockets ---- */

#define TOP 16 /* of the descriptors that a child has to itself */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static bool is_marked(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

struct passing {
    const char *pid, *fds; /* LISTEN_PID (NULL: that of the child), LISTEN_FDS */
    int open;              /* descriptors from 3 on that are open */
    size_t max;
    size_t found;
    int marked; /* close-on-exec afterwards */
};

/* Runs in a child, since its descriptors 3 and up have to be what systemd would leave. */
static bool passes(const struct passing *p)
{
    char pid[20];
    int fds[TOP];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    for (int fd = 3; fd < TOP; fd++)
        close(fd);
    for (int i = 0; i < p->open; i++)
        if (dup2(STDOUT_FILENO, 3 + i) < 0)
            return false;
    setenv("LISTEN_PID", p->pid != NULL ? p->pid : pid, 1);
    setenv("LISTEN_FDS", p->fds, 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
    bool ok = systemd_sockets(fds, p->max) == p->found;
    for (size_t i = 0; i < p->found; i++)
        ok = ok && fds[i] == 3 + (int)i;
    for (int i = 0; i < p->open; i++)
        ok = ok && is_open(3 + i) && is_marked(3 + i) == (i < p->marked);
    ok = ok && getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
         getenv("LISTEN_FDNAMES") == NULL;
    return ok && systemd_sockets(fds, p->max) == 0; /* once */
}

static void sockets(void **state)
{
    static const struct passing cases[] = {
        {.fds = "1", .open = 2, .max = 4, .found = 1, .marked = 1},
        {.fds = "3", .open = 3, .max = 4, .found = 3, .marked = 3},
        {.fds = "3", .open = 3, .max = 2, .found = 2, .marked = 3},
        {.fds = "3", .open = 2, .max = 4, .found = 2, .marked = 2},
        {.fds = "0", .open = 1, .max = 4},
        {.fds = "", .open = 1, .max = 4},
        {.fds = "-1", .open = 1, .max = 4},
        {.fds = "2147483645", .open = 1, .max = 4},
        {.fds = "2147483644", .open = 1, .max = 4, .found = 1, .marked = 1},
        {.fds = "1x", .open = 1, .max = 4},
        {.pid = "1", .fds = "1", .open = 1, .max = 4},
        {.pid = "", .fds = "1", .open = 1, .max = 4},
        {.pid = "0", .fds = "1", .open = 1, .max = 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(passes(&cases[i]) ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0)
            print_error("case %zu\n", i);
        assert_int_equal(status, 0);
    }
}

static void without_systemd(void **state)
{
    int fds[2];
    (void)state;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    assert_int_equal(systemd_sockets(fds, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifies),           cmocka_unit_test(notifies_nobody),
        cmocka_unit_test(odd_notify_sockets), cmocka_unit_test(sockets),
        cmocka_unit_test(without_systemd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
