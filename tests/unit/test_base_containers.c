/* core/base: queue, budget, list, map. */
#include "tests/unit/base_help.h"

/* ---- queue and budget ---- */

/* Puts some of the n bytes into parts of the queue's own; returns how many. */
static size_t fill(struct queue *q, struct account *a, const uint8_t *p, size_t n)
{
    struct iovec parts[4];
    size_t n_parts = queue_reserve(q, a, n, parts, 4), room = 0, done = 0;
    for (size_t i = 0; i < n_parts; i++)
        room += parts[i].iov_len;
    assert_true(room == n || (room < n && n_parts == 4));
    room -= room > 0 ? (size_t)rand() % room : 0;
    room = rand() % 8 == 0 ? 0 : room;
    for (size_t i = 0; i < n_parts && done < room; i++) {
        size_t part = parts[i].iov_len < room - done ? parts[i].iov_len : room - done;
        memcpy(parts[i].iov_base, p + done, part);
        done += part;
    }
    queue_commit(q, a, done);
    return done;
}

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
            if (rand() % 2 == 0)
                assert_true(queue_append(&q, &a, model + size, n));
            else
                n = fill(&q, &a, model + size, n);
            size += n;
        } else {
            n = n < size ? n : size;
            queue_take(&q, &a, n);
            memmove(model, model + n, size - n);
            size -= n;
        }
        assert_int_equal(q.size, size);
        assert_int_equal(q.memory, a.used);
        assert_true(q.memory <= size + size / 2 + 2 * BUDGET_BLOCK);
        assert_true(size > 0 || q.memory == 0);
        size_t at = size > 0 ? (size_t)rand() % size : 0,
               m = (size - at) / (1 + (size_t)rand() % 3);
        queue_copy(&q, at, got, m);
        assert_memory_equal(got, model + at, m);
        const uint8_t *front;
        size_t together = queue_front(&q, &front);
        assert_true(together <= size && (together > 0) == (size > 0));
        assert_memory_equal(front, model, together);
        if (size > 0) {
            together = queue_at(&q, at, &front);
            assert_true(together > 0 && together <= QUEUE_PART && at + together <= size);
            assert_memory_equal(front, model + at, together);
        }
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
    bool visited[KEYS] = {false};
    size_t at = 0, n = 0;
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&m->map, &m->keys[i], 4), m->in[i] ? &m->values[i] : NULL);
    for (int *value; (value = map_next(&m->map, &at)) != NULL; n++) {
        size_t i = (size_t)(value - m->values);
        assert_true(i < KEYS && m->in[i] && !visited[i]);
        visited[i] = true;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_agrees_with_a_model),
        cmocka_unit_test(queue_of_quanta_wastes_little),
        cmocka_unit_test(budget_leaves_everybody_a_share),
        cmocka_unit_test(list_keeps_order),
        cmocka_unit_test(list_each_allows_removing),
        cmocka_unit_test(map_agrees_with_a_model),
        cmocka_unit_test(map_closes_gaps_around_the_end),
        cmocka_unit_test(map_tells_keys_apart),
        cmocka_unit_test(map_is_quick_with_4096_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
