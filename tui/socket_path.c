#include "tui/socket_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const programs[] = {"tunnel-gateway", "tunnel-agent", "tunnel-hub"};

enum place { PLACE_USER, PLACE_SYSTEM, PLACES };

static bool path_in(enum place place, const char *program, const char *(*get)(const char *name),
                    char *path, size_t size)
{
    const char *runtime = get("XDG_RUNTIME_DIR");
    int n;
    if (place == PLACE_SYSTEM)
        n = snprintf(path, size, "/run/%s/admin.sock", program);
    else if (runtime != NULL && runtime[0] != '\0')
        n = snprintf(path, size, "%s/%s/admin.sock", runtime, program);
    else
        n = snprintf(path, size, "/run/user/%lu/%s/admin.sock", (unsigned long)getuid(), program);
    return n > 0 && (size_t)n < size;
}

enum sight { NOTHING, FORBIDDEN, SOCKET };

static enum sight look(const char *path)
{
    struct stat s;
    if (stat(path, &s) == 0)
        return S_ISSOCK(s.st_mode) ? SOCKET : NOTHING;
    return errno == EACCES ? FORBIDDEN : NOTHING;
}

static enum sight search(const char *program, const char *(*get)(const char *name), char *path,
                         size_t size)
{
    enum sight best = NOTHING;
    for (enum place p = PLACE_USER; p < PLACES && best != SOCKET; p++) {
        char at[300];
        enum sight seen = path_in(p, program, get, at, sizeof at) ? look(at) : NOTHING;
        if (seen > best && snprintf(path, size, "%s", at) < (int)size)
            best = seen;
    }
    return best;
}

static void explain(const char *program, const char *(*get)(const char *name), char *problem,
                    size_t size)
{
    char path[300], other[300], hint[200];
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i], program) != 0 &&
            search(programs[i], get, other, sizeof other) == SOCKET) {
            snprintf(problem, size, "no %s runs here, but a %s does: tunnel-tui --program %s",
                     program, programs[i], programs[i]);
            return;
        }
    path_in(PLACE_USER, program, get, path, sizeof path);
    path_in(PLACE_SYSTEM, program, get, other, sizeof other);
    socket_path_hint(ERR_NOT_FOUND, program, hint, sizeof hint);
    snprintf(problem, size, "cannot reach %s: there is no socket at %s, nor at %s\n%s", program,
             path, other, hint);
}

bool socket_path_find(const char *program, const char *(*get)(const char *name), char *path,
                      size_t size, char *problem, size_t problem_size)
{
    char hint[200];
    switch (search(program, get, path, size)) {
    case SOCKET:
        return true;
    case FORBIDDEN:
        socket_path_hint(ERR_PERMISSION, program, hint, sizeof hint);
        snprintf(problem, problem_size, "cannot reach %s at %s: permission denied\n%s", program,
                 path, hint);
        return false;
    default:
        explain(program, get, problem, problem_size);
        return false;
    }
}

void socket_path_hint(enum err why, const char *program, char *out, size_t size)
{
    if (size > 0)
        out[0] = '\0';
    if (why == ERR_PERMISSION)
        snprintf(out, size, "run it as the user who runs %s, or as root", program);
    else if (why == ERR_NOT_FOUND || why == ERR_REFUSED || why == ERR_EOF || why == ERR_RESET)
        snprintf(out, size, "is %s running? systemctl --user status %s", program, program);
}
