#include "gateway/hub/registry/database_internal.h"

#include "gateway/hub/registry/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const sql[STATEMENT_COUNT] = {
#define X(name, text) text,
    STATEMENT_TABLE(X)
#undef X
};

/* With synchronous = FULL a commit is on the disk when it returns. */
static const char settings[] = "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216";

static void shut(struct database *d)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(d->statements[i]);
        d->statements[i] = NULL;
    }
    sqlite3_close(d->db);
    d->db = NULL;
}

/* Creates the file, because SQLite would make it readable by others; SQLite gives its other files
 * the mode of this one. */
static enum err make_file(struct database *d, char *text, size_t size)
{
    struct stat st;
    int fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int e = errno;
        snprintf(text, size, "cannot open %s: %s", d->path, strerror(e));
        if (fd >= 0)
            close(fd);
        return err_from_errno(e);
    }
    d->device = st.st_dev;
    d->inode = st.st_ino;
    close(fd);
    return ERR_OK;
}

static bool is_same_file(const struct database *d)
{
    struct stat st;
    return stat(d->path, &st) == 0 && st.st_dev == d->device && st.st_ino == d->inode;
}

static int use_wal(struct database *d)
{
    sqlite3_stmt *s;
    int result = sqlite3_prepare_v2(d->db, "PRAGMA journal_mode = WAL", -1, &s, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(s);
    bool done = result == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
    int final = sqlite3_finalize(s);
    return final != SQLITE_OK ? final : done ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int prepare(struct database *d)
{
    int result = sql_run(d->db, settings);
    for (size_t i = 0; result == SQLITE_OK && i < STATEMENT_COUNT; i++)
        result = sqlite3_prepare_v3(d->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[i],
                                    NULL);
    return result;
}

static enum err bring_up(struct database *d, char *text, size_t size)
{
    char problem[256];
    enum err e = schema_check(d->db, &schema_today, problem, sizeof problem);
    int result = e == ERR_OK ? use_wal(d) : SQLITE_OK;
    if (result != SQLITE_OK)
        return sql_wrong_in(d->path, d->db, result, text, size);
    if (e == ERR_OK)
        e = schema_migrate(d->db, &schema_today, problem, sizeof problem);
    if (e != ERR_OK) {
        snprintf(text, size, "%s: %s", d->path, problem);
        return e;
    }
    result = prepare(d);
    return result == SQLITE_OK ? ERR_OK : sql_wrong_in(d->path, d->db, result, text, size);
}

static enum err connect(struct database *d, char *text, size_t size)
{
    /* The connection needs no mutex, because only one thread at a time uses it. */
    int result =
        sqlite3_open_v2(d->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum err e = ERR_OK;
    if (result != SQLITE_OK)
        e = d->db != NULL ? sql_wrong_in(d->path, d->db, result, text, size) : ERR_NO_MEMORY;
    if (e == ERR_OK) {
        sqlite3_extended_result_codes(d->db, 1);
        sqlite3_busy_timeout(d->db, DATABASE_BUSY_MS);
        e = bring_up(d, text, size);
    }
    if (e != ERR_OK)
        shut(d);
    return e;
}

static void database_close(void *backend)
{
    struct database *d = backend;
    if (d == NULL)
        return;
    shut(d);
    free(d->path);
    free(d);
}

static void *database_open(const char *folder, enum err *why, char *text, size_t size)
{
    struct database *d = calloc(1, sizeof *d);
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    if (d == NULL)
        return NULL;
    if (asprintf(&d->path, "%s/hub.db", folder) < 0)
        d->path = NULL;
    else
        *why = make_file(d, text, size);
    if (*why == ERR_OK)
        *why = connect(d, text, size);
    if (*why == ERR_OK)
        return d;
    database_close(d);
    return NULL;
}

/* Reopens the same file only: the tunnels in memory came from it, and another file in its place
 * does not have them. */
static enum err reconnect(struct database *d, char *text, size_t size)
{
    if (is_same_file(d))
        return connect(d, text, size);
    snprintf(text, size,
             "%s was moved or replaced while the hub ran: put it back, or restart the hub",
             d->path);
    return ERR_IO;
}

/* Whether the connection may be unusable. After a failed write it is still usable, and closing it
 * then could even restore what was half written. */
static bool is_spoiled(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_CONSTRAINT:
        return false;
    case SQLITE_IOERR:
        return result != SQLITE_IOERR_WRITE && result != SQLITE_IOERR_FSYNC;
    default:
        return true;
    }
}

static int write_all(struct database *d, const struct list *changes)
{
    char touch[48];
    int result = SQLITE_OK;
    if (list_empty(changes)) {
        snprintf(touch, sizeof touch, "PRAGMA user_version = %zu", schema_today.n);
        return sql_run(d->db, touch);
    }
    for (const struct list *n = changes->next; result == SQLITE_OK && n != changes; n = n->next)
        result = change_apply(d, list_entry(n, const struct change, node));
    return result;
}

static int transact(struct database *d, const struct list *changes)
{
    int result = sql_run(d->db, "BEGIN IMMEDIATE");
    if (result == SQLITE_OK)
        result = write_all(d, changes);
    return result == SQLITE_OK ? sql_run(d->db, "COMMIT") : result;
}

static enum err database_apply(void *backend, const struct list *changes, char *text, size_t size)
{
    struct database *d = backend;
    enum err e = d->db == NULL ? reconnect(d, text, size) : ERR_OK;
    if (e == ERR_OK) {
        int result = transact(d, changes);
        if (result == SQLITE_OK)
            return ERR_OK;
        e = sql_wrong_in(d->path, d->db, result, text, size);
        if (!sqlite3_get_autocommit(d->db) && sql_run(d->db, "ROLLBACK") != SQLITE_OK)
            result = SQLITE_ERROR;
        if (is_spoiled(result))
            shut(d);
    }
    return e == ERR_BUSY || e == ERR_NO_MEMORY ? e : ERR_IO;
}

const struct store_backend database_backend = {
    .open = database_open,
    .read = database_read,
    .apply = database_apply,
    .close = database_close,
};
