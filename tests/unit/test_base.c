#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/queue.h"
#include "core/base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A fixed sequence, so that what fails once fails again. */
static uint32_t seed = 1;

static uint32_t dice(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* ---- queue and budget ---- */

/* Every byte comes out as it went in, whatever the sizes; what is taken is charged, and all of it
 * goes back. */
static void queue_agrees_with_a_model(void **state)
{
    static uint8_t model[200000], got[200000];
    struct budget budget;
    struct account a;
    struct queue q = {0};
    size_t size = 0;
    (void)state;
    srand(7);
    budget_init(&budget, SIZE_MAX / 4);
    account_open(&a, &budget, SIZE_MAX / 4);
    queue_take(&q, &a, 0);
    queue_copy(&q, 0, got, 0);
    for (int round = 0; round < 4000; round++) {
        size_t n = (size_t)rand() % (rand() % 4 == 0 ? 40000 : 700);
        if (rand() % 2 == 0 && size + n <= sizeof model) {
            for (size_t i = 0; i < n; i++)
                model[size + i] = (uint8_t)rand();
            assert_true(queue_append(&q, &a, model + size, n));
            size += n;
        } else {
            n = n < size ? n : size;
            queue_take(&q, &a, n);
            memmove(model, model + n, size - n);
            size -= n;
        }
        assert_int_equal(q.size, size);
        assert_int_equal(q.memory, a.used);
        assert_true(q.memory <= size + size / 8 + 2 * BUDGET_BLOCK);
        assert_true(size > 0 || q.memory == 0);
        size_t at = size > 0 ? (size_t)rand() % size : 0,
               m = (size - at) / (1 + (size_t)rand() % 3);
        queue_copy(&q, at, got, m);
        assert_memory_equal(got, model + at, m);
        const uint8_t *front;
        size_t together = queue_front(&q, &front);
        assert_true(together <= size && (together > 0) == (size > 0));
        assert_memory_equal(front, model, together);
    }
    queue_free(&q, &a);
    assert_int_equal(a.used, 0);
    account_close(&a);
    budget_free(&budget);
}

/* A quantum and its head fit one block: a full window takes hardly more than its bytes. */
static void queue_of_quanta_wastes_little(void **state)
{
    static uint8_t bytes[16128];
    struct budget budget;
    struct account a;
    struct queue q = {0};
    (void)state;
    budget_init(&budget, SIZE_MAX / 4);
    account_open(&a, &budget, SIZE_MAX / 4);
    assert_true(queue_append(&q, &a, bytes, 1));
    assert_int_equal(a.used, 1024);
    for (int i = 0; i < 16; i++)
        assert_true(queue_append(&q, &a, bytes, sizeof bytes));
    assert_true(a.used <= q.size + q.size / 10);
    queue_free(&q, &a);
    account_close(&a);
    budget_free(&budget);
}

/* One account may take its share and the common half, and never what is another one's share. */
static void budget_leaves_everybody_a_share(void **state)
{
    enum { BLOCK = 1000 };
    struct budget budget;
    struct account a[2];
    void *blocks[100];
    size_t n = 0;
    (void)state;
    budget_init(&budget, 40 * BLOCK);
    account_open(&a[0], &budget, 1000 * BLOCK);
    account_open(&a[1], &budget, 5 * BLOCK);
    assert_int_equal(account_limit(&a[0]), 30 * BLOCK);
    assert_int_equal(account_limit(&a[1]), 5 * BLOCK);
    while (account_may(&a[0], BLOCK))
        blocks[n++] = account_take(&a[0], BLOCK);
    assert_int_equal(n, 30);
    while (account_may(&a[1], BLOCK))
        blocks[n++] = account_take(&a[1], BLOCK);
    assert_int_equal(n, 35); /* its own limit */
    assert_false(account_may(&a[0], BLOCK));
    while (n > 30)
        account_give(&a[1], blocks[--n], BLOCK);
    assert_false(account_may(&a[0], BLOCK));
    account_close(&a[1]);
    assert_true(account_may(&a[0], 10 * BLOCK)); /* alone it may take all */
    while (n > 0)
        account_give(&a[0], blocks[--n], BLOCK);
    assert_int_equal(a[0].used, 0);
    account_close(&a[0]);
    account_close(&a[0]);
    budget_free(&budget);
}

/* ---- err ---- */

static void err_names_are_distinct_and_plain(void **state)
{
    (void)state;
    for (int a = 0; a < ERR_COUNT; a++) {
        const char *name = err_name((enum err)a);
        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_true(strlen(err_text((enum err)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(name, err_name((enum err)b));
    }
    assert_int_equal(ERR_OK, 0);
    assert_int_equal(err_from_errno(ENOENT), ERR_NOT_FOUND);
    assert_int_equal(err_from_errno(EACCES), ERR_PERMISSION);
    assert_int_equal(err_from_errno(EMFILE), ERR_NO_DESCRIPTORS);
    assert_int_equal(err_from_errno(EIO), ERR_IO);
    assert_string_equal(err_name(ERR_PEER_RESET), "peer-reset");
    assert_string_equal(err_name(ERR_OK), "ok");
    assert_string_equal(err_text(ERR_OK), "complete"); /* of an HTTP exchange, to people */
    assert_string_equal(err_name(ERR_TLS_UNTRUSTED), "tls-untrusted");
    assert_string_equal(err_text(ERR_REFUSED), "connection refused");
}

static void err_answers_are_in_range(void **state)
{
    (void)state;
    for (int e = 1; e < ERR_COUNT; e++) {
        assert_in_range(err_socks5((enum err)e), 1, 8);
        assert_in_range(err_http((enum err)e), 400, 599);
    }
    assert_int_equal(err_socks5(ERR_OK), 0);
    assert_int_equal(err_http(ERR_OK), 200);
    assert_int_equal(err_socks5(ERR_REFUSED), 5);
    assert_int_equal(err_socks5(ERR_ADDRESS_TYPE), 8);
    assert_int_equal(err_http(ERR_AUTH), 407);
}

/* Whoever adds a reason has to say whether it is an end. */
static void few_reasons_are_ends(void **state)
{
    static const enum err ends[] = {ERR_OK, ERR_EOF, ERR_CLIENT_CLOSED, ERR_SERVICE_CLOSED};
    size_t found = 0;
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++)
        found += err_is_end((enum err)e);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_true(err_is_end(ends[i]));
    assert_int_equal(found, sizeof ends / sizeof *ends);
}

/* ---- list ---- */

struct item {
    int number;
    struct list node;
};

static void assert_list(struct list *head, const char *numbers)
{
    char forth[64] = "", back[64] = "";
    size_t n = 0;
    list_each(node, head) forth[n++] = (char)('0' + list_entry(node, struct item, node)->number);
    for (struct list *node = head->prev; node != head; node = node->prev)
        back[--n] = (char)('0' + list_entry(node, struct item, node)->number);
    assert_int_equal(n, 0);
    assert_string_equal(forth, numbers);
    assert_string_equal(back, numbers);
    assert_int_equal(list_empty(head), numbers[0] == '\0');
}

static void list_keeps_order(void **state)
{
    struct list head, other;
    struct item items[5];
    (void)state;
    list_init(&head);
    list_init(&other);
    assert_list(&head, "");
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_init(&items[i].node);
        assert_false(list_is_on(&items[i].node));
    }
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].node);
    assert_list(&head, "012");
    list_prepend(&head, &items[3].node);
    assert_list(&head, "3012");
    assert_true(list_is_on(&items[3].node));
    list_append(&head, &items[0].node); /* moves */
    assert_list(&head, "3120");
    list_append(&head, &items[0].node); /* is there already */
    assert_list(&head, "3120");
    list_prepend(&head, &items[3].node);
    assert_list(&head, "3120");
    list_prepend(&head, &items[2].node);
    assert_list(&head, "2310");
    list_append(&other, &items[1].node); /* from one list to another */
    assert_list(&head, "230");
    assert_list(&other, "1");
    list_remove(&items[1].node);
    list_remove(&items[1].node); /* on none: nothing happens */
    assert_list(&other, "");
    assert_false(list_is_on(&items[1].node));
}

static void list_each_allows_removing(void **state)
{
    struct list head;
    struct item items[6];
    (void)state;
    list_init(&head);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_init(&items[i].node);
        list_append(&head, &items[i].node);
    }
    list_each(node, &head) if (list_entry(node, struct item, node)->number % 2 == 0)
        list_remove(node);
    assert_list(&head, "135");
    list_each(node, &head) list_remove(node);
    assert_list(&head, "");
}

/* ---- map ---- */

#define KEYS 600

struct model {
    struct map map;
    uint32_t keys[KEYS];
    int values[KEYS]; /* what the map's entries point to */
    bool in[KEYS];
    size_t size;
};

static void model_start(struct model *m)
{
    *m = (struct model){.size = 0};
    for (uint32_t i = 0; i < KEYS; i++)
        m->keys[i] = i * 7919;
}

static void model_step(struct model *m, uint32_t keys)
{
    uint32_t i = dice(keys);
    void *expected = m->in[i] ? &m->values[i] : NULL;
    assert_ptr_equal(map_get(&m->map, &m->keys[i], 4), expected);
    if (dice(2) == 0) {
        assert_true(map_put(&m->map, &m->keys[i], 4, &m->values[i]));
        m->size += !m->in[i];
        m->in[i] = true;
    } else {
        assert_ptr_equal(map_remove(&m->map, &m->keys[i], 4), expected);
        m->size -= m->in[i];
        m->in[i] = false;
    }
    assert_int_equal(m->map.size, m->size);
}

static void model_check(struct model *m)
{
    bool seen[KEYS] = {false};
    size_t at = 0, n = 0;
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&m->map, &m->keys[i], 4), m->in[i] ? &m->values[i] : NULL);
    for (int *value; (value = map_next(&m->map, &at)) != NULL; n++) {
        size_t i = (size_t)(value - m->values);
        assert_true(i < KEYS && m->in[i] && !seen[i]);
        seen[i] = true;
    }
    assert_int_equal(n, m->size);
}

/* Few keys keep the table at 8 or 16 slots, where runs wrap around its end all the time. */
static void map_agrees_with_a_model(void **state)
{
    static const uint32_t spans[] = {5, 8, 11, 23, 100, KEYS};
    struct model m;
    (void)state;
    for (size_t s = 0; s < sizeof spans / sizeof *spans; s++) {
        model_start(&m);
        for (int step = 0; step < 4000; step++) {
            model_step(&m, spans[s]);
            if (step % 50 == 0)
                model_check(&m);
        }
        model_check(&m);
        map_free(&m.map);
        assert_int_equal(m.map.size, 0);
        assert_null(map_get(&m.map, &m.keys[0], 4));
    }
}

/* Where a key lands in an empty table of 8 slots, found out by asking which of two comes first. */
static size_t home_of(uint32_t *key)
{
    struct map m = {0};
    size_t home = 0;
    assert_true(map_put(&m, key, 4, key));
    assert_int_equal(m.capacity, 8);
    assert_ptr_equal(map_next(&m, &home), key);
    map_free(&m);
    return home - 1;
}

/* Entries whose home is the last slot go on in the first ones; each is removed in turn, and the
 * others must be found still. */
static void map_closes_gaps_around_the_end(void **state)
{
    static uint32_t numbers[2000];
    uint32_t *last[3], *first[2];
    size_t n_last = 0, n_first = 0;
    (void)state;
    for (uint32_t i = 0; i < 2000 && (n_last < 3 || n_first < 2); i++) {
        numbers[i] = i;
        size_t home = home_of(&numbers[i]);
        if (home == 7 && n_last < 3)
            last[n_last++] = &numbers[i];
        else if (home == 0 && n_first < 2)
            first[n_first++] = &numbers[i];
    }
    assert_int_equal(n_last, 3);
    assert_int_equal(n_first, 2);
    uint32_t *all[5] = {last[0], first[0], last[1], first[1], last[2]};
    for (int victim = 0; victim < 5; victim++) {
        struct map m = {0};
        for (int i = 0; i < 5; i++)
            assert_true(map_put(&m, all[i], 4, all[i]));
        assert_int_equal(m.capacity, 8);
        assert_ptr_equal(map_remove(&m, all[victim], 4), all[victim]);
        assert_null(map_remove(&m, all[victim], 4));
        for (int i = 0; i < 5; i++)
            assert_ptr_equal(map_get(&m, all[i], 4), i == victim ? NULL : all[i]);
        map_free(&m);
    }
}

static void map_tells_keys_apart(void **state)
{
    struct map m = {0};
    char copy[] = "ab";
    int a, b, c, d;
    (void)state;
    assert_null(map_get(&m, "a", 1));
    assert_null(map_remove(&m, "a", 1));
    assert_true(map_put(&m, "ab", 2, &a));
    assert_true(map_put(&m, "a", 1, &b));
    assert_true(map_put(&m, "", 0, &c));
    assert_true(map_put(&m, "a\0b", 3, &d));
    assert_ptr_equal(map_get(&m, copy, 2), &a); /* by content */
    assert_ptr_equal(map_get(&m, copy, 1), &b);
    assert_ptr_equal(map_get(&m, copy, 0), &c);
    assert_ptr_equal(map_get(&m, "a\0b", 3), &d);
    assert_null(map_get(&m, "a\0c", 3));
    assert_true(map_put(&m, copy, 2, &b)); /* replaces value and key */
    assert_ptr_equal(map_get(&m, "ab", 2), &b);
    assert_int_equal(m.size, 4);
    map_free(&m);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Not a measurement: a hash that sends many keys to few slots would take a thousand times longer
 * than the second allowed here. */
static void map_is_quick_with_4096_entries(void **state)
{
    static uint32_t keys[4096];
    struct map m = {0};
    double begin = seconds();
    (void)state;
    for (uint32_t i = 0; i < 4096; i++) {
        keys[i] = i;
        assert_true(map_put(&m, &keys[i], 4, &keys[i]));
    }
    uint32_t found = 0;
    for (int round = 0; round < 50; round++)
        for (uint32_t i = 0; i < 4096; i++)
            found += map_get(&m, &i, 4) != NULL;
    assert_int_equal(found, 50 * 4096);
    for (uint32_t i = 4096; i < 8192; i++)
        assert_null(map_get(&m, &i, 4));
    for (uint32_t i = 0; i < 4096; i++)
        assert_ptr_equal(map_remove(&m, &keys[i], 4), &keys[i]);
    assert_int_equal(m.size, 0);
    assert_true(seconds() - begin < 1);
    map_free(&m);
}

/* ---- buf ---- */

static void buf_stays_below_its_limit(void **state)
{
    struct buf b = {.limit = 10};
    (void)state;
    assert_true(buf_append(&b, NULL, 0));
    assert_true(buf_append(&b, "0123456", 7));
    assert_false(buf_append(&b, "abcd", 4));
    assert_int_equal(b.size, 7);
    assert_memory_equal(b.data, "0123456", 7);
    assert_null(buf_room(&b, 4));
    assert_null(buf_room(&b, SIZE_MAX));
    uint8_t *room = buf_room(&b, 3);
    assert_non_null(room);
    memcpy(room, "789", 3);
    buf_added(&b, 3);
    assert_memory_equal(b.data, "0123456789", 10);
    assert_false(buf_append(&b, "x", 1));
    assert_true(buf_append(&b, "x", 0));
    buf_take(&b, 4);
    assert_memory_equal(b.data, "456789", 6);
    assert_true(buf_append(&b, "abcd", 4));
    assert_memory_equal(b.data, "456789abcd", 10);
    buf_take(&b, 10);
    assert_int_equal(b.size, 0);
    buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.limit, 10);
    assert_true(buf_append(&b, "again", 5));
    buf_free(&b);
    buf_free(&b);
    struct buf none = {.limit = 0};
    assert_false(buf_append(&none, "x", 1));
    assert_false(buf_printf(&none, "x"));
    assert_true(buf_printf(&none, "%s", ""));
    buf_take(&none, 0);
    buf_free(&none);
}

static void buf_agrees_with_a_model(void **state)
{
    static uint8_t model[3000], piece[700];
    struct buf b = {.limit = sizeof model};
    size_t size = 0;
    uint8_t next = 0;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        size_t n = dice(step % 1000 < 500 ? 700 : 20);
        if (dice(2) == 0) {
            for (size_t i = 0; i < n; i++)
                piece[i] = next++;
            bool fits = size + n <= sizeof model;
            assert_int_equal(buf_append(&b, piece, n), fits);
            if (fits)
                memcpy(model + size, piece, n);
            size += fits ? n : 0;
        } else {
            n = n < size ? n : size;
            buf_take(&b, n);
            memmove(model, model + n, size -= n);
        }
        assert_int_equal(b.size, size);
        if (size > 0)
            assert_memory_equal(b.data, model, size);
    }
    buf_free(&b);
}

static void buf_prints(void **state)
{
    struct buf b = {.limit = 12};
    (void)state;
    assert_true(buf_printf(&b, "%d-%s", 17, "abc"));
    assert_int_equal(b.size, 6);
    assert_memory_equal(b.data, "17-abc", 6);
    assert_false(buf_printf(&b, "%s", "1234567"));
    assert_int_equal(b.size, 6);
    assert_true(buf_printf(&b, "%s", "123456")); /* to the last byte: the NUL does not count */
    assert_int_equal(b.size, 12);
    assert_memory_equal(b.data, "17-abc123456", 12);
    buf_free(&b);
    b.limit = 100000;
    for (int i = 0; i < 9000; i++)
        assert_true(buf_printf(&b, "%d,", i % 10));
    assert_int_equal(b.size, 18000);
    assert_memory_equal(b.data + 17998, "9,", 2);
    buf_free(&b);
}

static void *wiped;
static size_t wiped_size;

/* In place of the C library's: what was wiped cannot be looked at once it is freed. */
void explicit_bzero(void *p, size_t n)
{
    wiped = p;
    wiped_size = n;
    memset(p, 0, n);
}

/* What _FORTIFY_SOURCE makes of it. */
void __explicit_bzero_chk(void *p, size_t n, size_t room)
{
    assert_true(n <= room);
    explicit_bzero(p, n);
}

static void buf_wipe_leaves_nothing(void **state)
{
    struct buf b = {.limit = 1000};
    (void)state;
    buf_wipe(&b);
    assert_true(buf_append(&b, "secret", 6));
    uint8_t *small = b.memory;
    size_t small_size = b.capacity;
    assert_non_null(buf_room(&b, small_size)); /* moves to larger memory */
    assert_ptr_equal(wiped, small);
    assert_int_equal(wiped_size, small_size);
    buf_take(&b, 3);
    uint8_t *memory = b.memory;
    size_t size = b.capacity;
    buf_wipe(&b);
    assert_ptr_equal(wiped, memory);
    assert_int_equal(wiped_size, size);
    assert_null(b.data);
    assert_null(b.memory);
    assert_int_equal(b.size, 0);
    assert_int_equal(b.capacity, 0);
    assert_int_equal(b.limit, 1000);
}

/* ---- spans ---- */

static void spans_compare(void **state)
{
    struct span empty = {NULL, 0};
    (void)state;
    assert_int_equal(span_of(NULL).n, 0);
    assert_int_equal(span_of("abc").n, 3);
    assert_true(span_equal(empty, span_of("")));
    assert_true(span_equal_nocase(empty, span_of("")));
    assert_true(span_is(empty, ""));
    assert_true(span_is(span_of("abc"), "abc"));
    assert_false(span_is(span_of("abc"), "ab"));
    assert_false(span_is(span_of("ab"), "abc"));
    assert_false(span_is(span_of("abc"), "abd"));
    assert_false(span_is(span_of("abc"), "ABC"));
    assert_true(span_is_nocase(span_of("aBcZ09-"), "AbCz09-"));
    assert_false(span_is_nocase(span_of("@[`{"), "`{@["));
    assert_false(span_equal_nocase((struct span){"a\0b", 3}, (struct span){"a\0c", 3}));
    assert_true(span_equal_nocase((struct span){"a\0B", 3}, (struct span){"A\0b", 3}));
}

static void assert_span(struct span s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    if (s.n > 0)
        assert_memory_equal(s.p, text, s.n);
}

static void spans_trim_and_cut(void **state)
{
    (void)state;
    assert_span(span_trim(span_of(" \t a b\t ")), "a b");
    assert_span(span_trim(span_of(" \t ")), "");
    assert_span(span_trim(span_of("")), "");
    assert_span(span_trim(span_of("\na\r")), "\na\r");
    struct span rest = span_of("a,,bc,");
    assert_span(span_cut(&rest, ','), "a");
    assert_span(rest, ",bc,");
    assert_span(span_cut(&rest, ','), "");
    assert_span(span_cut(&rest, ','), "bc");
    assert_span(rest, "");
    assert_span(span_cut(&rest, ','), "");
    assert_span(span_cut(&rest, ','), "");
    rest = span_of("no separator");
    assert_span(span_cut(&rest, ','), "no separator");
    assert_span(rest, "");
    rest = (struct span){NULL, 0};
    assert_span(span_cut(&rest, ','), "");
    assert_null(rest.p);
}

static void spans_are_copied(void **state)
{
    (void)state;
    char *copy = span_dup((struct span){"abcdef", 3});
    assert_string_equal(copy, "abc");
    free(copy);
    copy = span_dup((struct span){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

/* ---- numbers ---- */

static void numbers_are_strict(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"7", 6, false, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"000065535", 65535, true, 65535},
        {"99999", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"28446744073709551615", UINT64_MAX, false, 0},
        {"184467440737095516150", UINT64_MAX, false, 0},
        {"", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"1x", 10, false, 0},
        {"0x1", 10, false, 0},
        {"1.0", 10, false, 0},
        {"/", 100, false, 0},
        {":", 100, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 4711;
        assert_int_equal(str_number(span_of(cases[i].text), cases[i].max, &value), cases[i].good);
        assert_int_equal(value, cases[i].good ? cases[i].value : 4711);
    }
    uint64_t value;
    assert_false(str_number((struct span){"1\0", 2}, 10, &value));
    assert_true(str_number((struct span){"123", 2}, 100, &value));
    assert_int_equal(value, 12);
}

/* ---- escaping ---- */

static void escape_shows_what_strangers_sent(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(str_escape(span_of("plain ~!"), out, sizeof out), "plain ~!");
    assert_string_equal(str_escape(span_of("a\"b\\c"), out, sizeof out), "a\\\"b\\\\c");
    assert_string_equal(str_escape((struct span){"\0\n\x1b\x7f\x80\xff", 6}, out, sizeof out),
                        "\\x00\\x0a\\x1b\\x7f\\x80\\xff");
    assert_string_equal(str_escape(span_of(NULL), out, sizeof out), "");
    assert_ptr_equal(str_escape(span_of("x"), out, sizeof out), out);
}

static void escape_cuts(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 9), "abcdefgh");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 8), "abcd...");
    assert_string_equal(str_escape(span_of("a\n"), out, 6), "a\\x0a");
    assert_string_equal(str_escape(span_of("a\n"), out, 5), "a...");
    assert_string_equal(str_escape(span_of("\n\n"), out, 8), "\\x0a...");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 4), "...");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 3), "..");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 1), "");
    assert_string_equal(str_escape(span_of(""), out, 1), "");
}

/* Every size, in memory of exactly that size. */
static void escape_never_writes_too_far(void **state)
{
    char text[20], whole[100];
    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t n = dice(sizeof text + 1);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(dice(3) == 0 ? dice(256) : 'a' + dice(26));
        size_t full = strlen(str_escape((struct span){text, n}, whole, sizeof whole));
        for (size_t size = 1; size <= full + 1; size++) {
            char *out = malloc(size);
            assert_non_null(out);
            str_escape((struct span){text, n}, out, size);
            assert_true(strlen(out) < size);
            if (size == full + 1)
                assert_string_equal(out, whole);
            else if (size >= 4)
                assert_string_equal(out + strlen(out) - 3, "...");
            free(out);
        }
    }
}

/* ---- log ---- */

static struct {
    enum log_level level;
    char line[70000];
    int count;
} seen;

static void see(void *ctx, enum log_level level, const char *line)
{
    assert_ptr_equal(ctx, &seen);
    seen.level = level;
    seen.count++;
    snprintf(seen.line, sizeof seen.line, "%s", line);
}

static int log_begin(void **state)
{
    (void)state;
    seen.count = 0;
    seen.line[0] = '\0';
    log_redirect(see, &seen);
    return 0;
}

static int log_over(void **state)
{
    (void)state;
    log_redirect(NULL, NULL);
    log_setup(LOG_INFO, false);
    log_limit(LOG_BURST, LOG_A_MINUTE);
    return 0;
}

/* What stands behind "[2024-05-06 07:08:09.123] [info] ". */
static const char *plain_tail(void)
{
    int year, month, day, hour, minute, second, ms, n = 0;
    char level[16];
    int got = sscanf(seen.line, "[%4d-%2d-%2d %2d:%2d:%2d.%3d] [%15[a-z]] %n", &year, &month, &day,
                     &hour, &minute, &second, &ms, level, &n);
    assert_int_equal(got, 8);
    assert_true(n > 0);
    assert_true(year >= 2024);
    return seen.line + n;
}

/* What stands behind {"time":"2024-05-06T07:08:09.123Z", */
static const char *json_tail(void)
{
    int year, month, day, hour, minute, second, ms, n = 0;
    int got = sscanf(seen.line, "{\"time\":\"%4d-%2d-%2dT%2d:%2d:%2d.%3dZ\",%n", &year, &month,
                     &day, &hour, &minute, &second, &ms, &n);
    assert_int_equal(got, 7);
    assert_true(n > 0);
    return seen.line + n;
}

static void log_levels_filter(void **state)
{
    (void)state;
    for (int level = LOG_OFF; level <= LOG_TRACE; level++) {
        log_setup((enum log_level)level, false);
        for (int message = LOG_OFF; message <= LOG_TRACE; message++) {
            bool wanted = message != LOG_OFF && message <= level;
            int before = seen.count;
            assert_int_equal(log_wants((enum log_level)message), wanted);
            log_line((enum log_level)message, "x");
            log_event((enum log_level)message, "x", NULL, 0);
            assert_int_equal(seen.count - before, wanted ? 2 : 0);
            if (wanted)
                assert_int_equal(seen.level, message);
        }
    }
    log_setup((enum log_level)99, false);
    assert_true(log_wants(LOG_TRACE));
}

static int evaluations;

static int evaluated(void)
{
    return ++evaluations;
}

static void log_macros_have_their_levels(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_debug("%d", evaluated());
    assert_int_equal(evaluations, 0); /* costs nothing when nobody wants it */
    log_info("i");
    assert_int_equal(seen.level, LOG_INFO);
    log_warning("w");
    assert_int_equal(seen.level, LOG_WARNING);
    log_error("e");
    assert_int_equal(seen.level, LOG_ERROR);
    log_fatal("f");
    assert_int_equal(seen.level, LOG_FATAL);
    log_setup(LOG_DEBUG, false);
    log_debug("%d", evaluated());
    assert_string_equal(plain_tail(), "1");
}

static void log_lines_for_people(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_line(LOG_WARNING, "%s: %d", "port", 7);
    assert_string_equal(plain_tail(), "port: 7");
    assert_non_null(strstr(seen.line, "] [warning] port"));
    log_info("forged\n[2024-01-01] [info] \x1b[2Jline\r\t\x7f");
    assert_string_equal(plain_tail(), "forged\\x0a[2024-01-01] [info] \\x1b[2Jline\\x0d\\x09\\x7f");
    log_info("gr\xc3\xbc\xc3\x9f \"q\" \\ \xc2\x9b");
    assert_string_equal(plain_tail(), "gr\xc3\xbc\xc3\x9f \"q\" \\ \\xc2\\x9b");
}

static void log_lines_in_json(void **state)
{
    (void)state;
    log_setup(LOG_INFO, true);
    log_error("a \"b\" \\ \n \xfc %d", 5);
    assert_string_equal(json_tail(), "\"level\":\"error\",\"message\":"
                                     "\"a \\\"b\\\" \\\\ \\u000a \xef\xbf\xbd 5\"}");
    log_info("gr\xc3\xbc\xc3\x9f \xe2\x80\xae");
    assert_string_equal(json_tail(), "\"level\":\"info\",\"message\":"
                                     "\"gr\xc3\xbc\xc3\x9f \\u202e\"}");
}

static void log_cuts_long_messages(void **state)
{
    static char text[20000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    log_setup(LOG_INFO, false);
    log_info("%s", text);
    assert_int_equal(strlen(plain_tail()), LOG_TEXT_MAX);
    assert_string_equal(seen.line + strlen(seen.line) - 5, "xx...");
    memset(text, 1, sizeof text - 1);
    log_setup(LOG_INFO, true);
    log_info("%s", text);
    const char *tail = json_tail();
    assert_string_equal(tail + strlen(tail) - 11, "\\u0001...\"}");
    text[LOG_TEXT_MAX] = '\0'; /* the longest that is not cut */
    log_info("%s", text);
    tail = json_tail();
    assert_string_equal(tail + strlen(tail) - 8, "\\u0001\"}");
}

static const struct log_field fields[] = {
    {"client", "127.0.0.1:5", 0}, {"name", "a b", 0},       {"empty", "", 0},
    {"bad", "\"\n\\=", 0},        {"bytes", NULL, 1234567}, {"below", NULL, -5},
};

static void log_events_in_both_formats(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_event(LOG_INFO, "stream", fields, 6);
    assert_string_equal(plain_tail(), "stream client=127.0.0.1:5 name=\"a b\" empty=\"\" "
                                      "bad=\"\\\"\\x0a\\\\=\" bytes=1234567 below=-5");
    log_setup(LOG_INFO, true);
    log_event(LOG_INFO, "stream", fields, 6);
    assert_string_equal(json_tail(), "\"level\":\"info\",\"event\":\"stream\","
                                     "\"client\":\"127.0.0.1:5\",\"name\":\"a b\",\"empty\":\"\","
                                     "\"bad\":\"\\\"\\u000a\\\\=\","
                                     "\"bytes\":1234567,\"below\":-5}");
}

static void log_events_cut_long_fields(void **state)
{
    static char text[5000];
    struct log_field field = {"k", text, 0};
    (void)state;
    memset(text, '"', sizeof text - 1);
    for (int json = 0; json <= 1; json++) {
        log_setup(LOG_INFO, json == 1);
        log_event(LOG_INFO, "e", &field, 1);
        assert_in_range(strlen(seen.line), 500, (json + 1) * LOG_FIELD_MAX + 100);
        assert_string_equal(strstr(seen.line, "..."), json == 1 ? "...\"}" : "...\"");
    }
    memset(text, 'x', sizeof text - 1);
    memcpy(text + LOG_FIELD_MAX - 4, "\xe2\x82\xac", 3); /* no character is cut in two */
    log_event(LOG_INFO, "e", &field, 1);
    assert_string_equal(seen.line + strlen(seen.line) - 7, "xx...\"}");
}

static void many_lines(int n)
{
    for (int i = 0; i < n; i++)
        log_info("Connected to %d", i);
}

/* The first ones are there, the others are counted; other kinds have their own. */
static void log_leaves_out_what_repeats(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_limit(100, 1);
    many_lines(1000);
    assert_int_equal(seen.count, 100);
    assert_string_equal(plain_tail(), "Connected to 99");
    assert_true(log_pending());
    log_info("another");
    log_event(LOG_INFO, "stream", fields, 1);
    assert_int_equal(seen.count, 102);
    log_tick();
    assert_int_equal(seen.count, 102);
    log_end();
    assert_int_equal(seen.count, 103);
    assert_string_equal(plain_tail(), "left-out lines=900 seconds=0 like=\"Connected to 999\"");
    assert_int_equal(seen.level, LOG_INFO);
    assert_false(log_pending());
}

static void log_leaves_nothing_out(void **state)
{
    (void)state;
    log_limit(10, 1);
    log_setup(LOG_DEBUG, false);
    many_lines(1000);
    assert_int_equal(seen.count, 1000);
    log_setup(LOG_INFO, false);
    for (int i = 0; i < 100; i++)
        log_fatal("%d", i);
    assert_int_equal(seen.count, 1100);
    assert_false(log_pending());
}

/* Descriptor 2 while f runs is one end of what `make` makes. Returns the other. */
static int stderr_to(int fds[2], void (*f)(void))
{
    int before = dup(STDERR_FILENO);
    log_redirect(NULL, NULL);
    dup2(fds[1], STDERR_FILENO);
    log_setup(LOG_INFO, false);
    f();
    dup2(before, STDERR_FILENO);
    log_setup(LOG_INFO, false);
    close(before);
    close(fds[1]);
    return fds[0];
}

static size_t read_all(int fd, char *to, size_t room)
{
    size_t n = 0;
    for (ssize_t got; n < room - 1 && (got = read(fd, to + n, room - 1 - n)) > 0;)
        n += (size_t)got;
    to[n] = '\0';
    close(fd);
    return n;
}

static int reader; /* the other end of descriptor 2 */
static char taken[400000];

/* Until nothing is taken any more, and then with room again. */
static void fill_and_drain(void)
{
    log_limit(100000, 1);
    for (int i = 0; i < 6000; i++)
        log_info("line %d", i);
    size_t room = 100000, n = 0;
    for (ssize_t got; n < room && (got = recv(reader, taken, room - n, MSG_DONTWAIT)) > 0;)
        n += (size_t)got;
    for (ssize_t got; n == 0 && (got = read(reader, taken, room)) > 0;)
        n += (size_t)got;
    assert_true(n > 0);
    log_info("back again");
}

/* Nobody reads: lines are lost and counted, and the program goes on. */
static void nobody_reads(int fds[2])
{
    long lines = 0;
    reader = fds[0];
    read_all(stderr_to(fds, fill_and_drain), taken, sizeof taken);
    const char *back = strstr(taken, "back again"), *lost = strstr(taken, "] lost lines=");
    assert_non_null(back);
    assert_non_null(lost);
    assert_true(lost < back);
    assert_int_equal(sscanf(lost, "] lost lines=%ld", &lines), 1);
    assert_in_range(lines, 1000, 5999);
}

static void log_loses_lines_that_no_pipe_takes(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    nobody_reads(fds);
}

static void log_loses_lines_that_no_socket_takes(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    nobody_reads(fds);
}

static void say_hello(void)
{
    log_info("to people");
}

/* Without a redirection: one write per line to descriptor 2. */
static void log_goes_to_stderr(void **state)
{
    char got[200] = "";
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    read_all(stderr_to(fds, say_hello), got, sizeof got);
    assert_string_equal(strstr(got, "[info]"), "[info] to people\n");
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, log_begin, log_over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_agrees_with_a_model),
        cmocka_unit_test(queue_of_quanta_wastes_little),
        cmocka_unit_test(budget_leaves_everybody_a_share),
        cmocka_unit_test(err_names_are_distinct_and_plain),
        cmocka_unit_test(err_answers_are_in_range),
        cmocka_unit_test(few_reasons_are_ends),
        cmocka_unit_test(list_keeps_order),
        cmocka_unit_test(list_each_allows_removing),
        cmocka_unit_test(map_agrees_with_a_model),
        cmocka_unit_test(map_closes_gaps_around_the_end),
        cmocka_unit_test(map_tells_keys_apart),
        cmocka_unit_test(map_is_quick_with_4096_entries),
        cmocka_unit_test(buf_stays_below_its_limit),
        cmocka_unit_test(buf_agrees_with_a_model),
        cmocka_unit_test(buf_prints),
        cmocka_unit_test(buf_wipe_leaves_nothing),
        cmocka_unit_test(spans_compare),
        cmocka_unit_test(spans_trim_and_cut),
        cmocka_unit_test(spans_are_copied),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(escape_shows_what_strangers_sent),
        cmocka_unit_test(escape_cuts),
        cmocka_unit_test(escape_never_writes_too_far),
        LOG_TEST(log_levels_filter),
        LOG_TEST(log_macros_have_their_levels),
        LOG_TEST(log_lines_for_people),
        LOG_TEST(log_lines_in_json),
        LOG_TEST(log_cuts_long_messages),
        LOG_TEST(log_leaves_out_what_repeats),
        LOG_TEST(log_leaves_nothing_out),
        LOG_TEST(log_loses_lines_that_no_pipe_takes),
        LOG_TEST(log_loses_lines_that_no_socket_takes),
        LOG_TEST(log_events_in_both_formats),
        LOG_TEST(log_events_cut_long_fields),
        LOG_TEST(log_goes_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
