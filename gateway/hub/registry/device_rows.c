/* The rows of devices and invitations, written and read. */
#include "core/base/buf.h"
#include "gateway/hub/registry/row_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists: texts in which each item ends with a line feed, which no item contains ---- */

#define LIST_MAX ((size_t)64 << 10) /* as much as is read of a text */

struct list_text {
    struct buf text;
    bool failed;
};

static void add_line(struct list_text *l, const char *item)
{
    l->failed =
        l->failed || !buf_append(&l->text, item, strlen(item)) || !buf_append(&l->text, "\n", 1);
}

static struct list_text list_of_texts(const struct texts *t)
{
    struct list_text l = {.text.limit = LIST_MAX};
    for (size_t i = 0; i < t->n; i++)
        add_line(&l, t->items[i]);
    l.failed = l.failed || !buf_append(&l.text, "", 1);
    return l;
}

static struct list_text list_of_tags(const struct tags *t)
{
    struct list_text l = {.text.limit = LIST_MAX};
    for (size_t i = 0; i < t->n; i++) {
        add_line(&l, t->items[i].key);
        add_line(&l, t->items[i].value);
    }
    l.failed = l.failed || !buf_append(&l.text, "", 1);
    return l;
}

static void put_list(struct sql_call *c, const struct list_text *l)
{
    sql_put_text(c, l->failed ? "" : (const char *)l->text.data);
}

static int finish(struct sql_call *c, struct list_text *first, struct list_text *second)
{
    if (first->failed || second->failed)
        c->result = SQLITE_NOMEM;
    int result = sql_call(c);
    buf_free(&first->text);
    buf_free(&second->text);
    return result;
}

static bool take_texts(struct reader *r, enum table t, int column, struct texts *out)
{
    struct span rest = {0};
    if (!row_reader_text(r, t, column, &rest))
        return false;
    while (rest.n > 0)
        if (!texts_add(out, span_cut(&rest, '\n')))
            return row_reader_fail(r, ERR_NO_MEMORY, NULL);
    return true;
}

static bool take_tags(struct reader *r, enum table t, int column, struct tags *out)
{
    struct span rest = {0};
    if (!row_reader_text(r, t, column, &rest))
        return false;
    while (rest.n > 0) {
        struct span key = span_cut(&rest, '\n'), value = span_cut(&rest, '\n');
        if (!tags_set(out, key, value))
            return row_reader_fail(r, ERR_NO_MEMORY, NULL);
    }
    return true;
}

/* ---- writing ---- */

int device_rows_write(struct sql_call *c, const struct device_record *d)
{
    struct list_text services = list_of_texts(&d->services), labels = list_of_tags(&d->labels);
    sql_put_text(c, d->name);
    sql_put_text(c, device_state_name(d->state));
    sql_put_bytes(c, d->has_key ? d->key : NULL, DEVICE_KEY_SIZE);
    sql_put_number(c, d->by_certificate);
    sql_put_text(c, d->invitation);
    sql_put_number(c, d->enrolled);
    sql_put_number(c, d->last_seen);
    sql_put_text(c, d->last_address);
    sql_put_text(c, d->version);
    put_list(c, &services);
    put_list(c, &labels);
    sql_put_text(c, d->azure_id);
    sql_put_bytes(c, d->sealed, d->n_sealed);
    sql_put_number(c, d->topics);
    return finish(c, &services, &labels);
}

int device_rows_write_invitation(struct sql_call *c, const struct invitation *i)
{
    struct list_text names = list_of_texts(&i->names), labels = list_of_tags(&i->labels);
    sql_put_text(c, i->id);
    sql_put_bytes(c, i->token, TOKEN_HASH);
    put_list(c, &names);
    put_list(c, &labels);
    sql_put_number(c, i->uses);
    sql_put_number(c, i->used);
    sql_put_number(c, i->created);
    sql_put_number(c, i->expires);
    sql_put_text(c, i->key_id);
    sql_put_number(c, i->approve);
    return finish(c, &names, &labels);
}

/* ---- reading ---- */

static void about(struct reader *r, const char *what, const char *name)
{
    snprintf(r->subject, sizeof r->subject, "%s %s", what, name);
}

static bool take_state(struct reader *r, enum device_state *out)
{
    struct span name = {0};
    return row_reader_text(r, TABLE_DEVICES, 1, &name) &&
           (device_state_from(name, out) ||
            row_reader_fail(r, ERR_PROTOCOL, "its state is not one"));
}

static bool take_azure(struct reader *r, struct device_record *out)
{
    enum table t = TABLE_DEVICES;
    int64_t topics = 0;
    bool here = sqlite3_column_type(r->table[t], 11) != SQLITE_NULL;
    bool sealed = sqlite3_column_type(r->table[t], 12) != SQLITE_NULL;
    if ((here && !row_reader_copy(r, t, 11, &out->azure_id)) ||
        (sealed && !row_reader_blob(r, t, 12, DEVICE_SEALED_MAX, &out->sealed, &out->n_sealed)) ||
        !row_reader_number(r, t, 13, 0, &topics))
        return false;
    out->topics = (uint32_t)topics;
    return topics <= UINT32_MAX || row_reader_fail(r, ERR_PROTOCOL, "a number is too large");
}

static bool take_device(struct reader *r, struct device_record *out)
{
    enum table t = TABLE_DEVICES;
    if (!row_reader_copy(r, t, 0, &out->name))
        return false;
    about(r, "device", out->name);
    out->has_key = sqlite3_column_type(r->table[t], 2) != SQLITE_NULL;
    return take_state(r, &out->state) &&
           (!out->has_key || row_reader_bytes(r, t, 2, out->key, DEVICE_KEY_SIZE)) &&
           row_reader_flag(r, t, 3, &out->by_certificate) &&
           row_reader_copy(r, t, 4, &out->invitation) &&
           row_reader_number(r, t, 5, 0, &out->enrolled) &&
           row_reader_number(r, t, 6, 0, &out->last_seen) &&
           row_reader_copy(r, t, 7, &out->last_address) &&
           row_reader_copy(r, t, 8, &out->version) && take_texts(r, t, 9, &out->services) &&
           take_tags(r, t, 10, &out->labels) && take_azure(r, out);
}

static bool take_invitation(struct reader *r, struct invitation *out)
{
    enum table t = TABLE_INVITATIONS;
    if (!row_reader_copy(r, t, 0, &out->id))
        return false;
    about(r, "invitation", out->id);
    return row_reader_bytes(r, t, 1, out->token, TOKEN_HASH) && take_texts(r, t, 2, &out->names) &&
           take_tags(r, t, 3, &out->labels) && row_reader_number(r, t, 4, 1, &out->uses) &&
           row_reader_number(r, t, 5, 0, &out->used) &&
           row_reader_number(r, t, 6, 0, &out->created) &&
           row_reader_number(r, t, 7, 0, &out->expires) && row_reader_copy(r, t, 8, &out->key_id) &&
           row_reader_flag(r, t, 9, &out->approve);
}

static bool read_invitations(struct reader *r)
{
    bool good = true;
    while (good && r->row[TABLE_INVITATIONS]) {
        struct invitation i = {0};
        enum err e = ERR_OK;
        good = take_invitation(r, &i);
        if (good)
            e = r->to->invitation(r->owner, &i);
        invitation_free(&i); /* the reader may have left something in it */
        good = good && (e == ERR_OK || row_reader_fail(r, e, "its token is another one's, too")) &&
               row_reader_step(r, TABLE_INVITATIONS);
    }
    return good;
}

static bool read_devices(struct reader *r)
{
    bool good = true;
    while (good && r->row[TABLE_DEVICES]) {
        struct device_record d = {0};
        enum err e = ERR_OK;
        good = take_device(r, &d);
        if (good)
            e = r->to->device(r->owner, &d);
        device_record_free(&d);
        good = good &&
               (e == ERR_OK || row_reader_fail(r, e, "its name is none, or also another one's")) &&
               row_reader_step(r, TABLE_DEVICES);
    }
    return good;
}

bool device_rows_read(struct reader *r)
{
    return read_invitations(r) && read_devices(r);
}
