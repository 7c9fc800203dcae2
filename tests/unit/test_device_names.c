/* A device's name never reaches another device: random names that differ in case, in what folding
 * makes alike, in length, and that look like patterns; what is done by one of them is done to the
 * device of that fold, and to no other. A model of a few lines says what is right. */
#include "core/device/device_name.h"
#include "tests/unit/devices_help.h"

#define ROUNDS 1500
#define NAMES_MAX 400

/* The device that the model knows for each fold. */
static struct known {
    char name[129], fold[129], label[16];
} known[NAMES_MAX];
static size_t n_known;

static unsigned seed;

static size_t below(size_t n)
{
    return (size_t)rand_r(&seed) % n;
}

static struct known *find(const char *name)
{
    char fold[DEVICE_NAME_MAX + 1];
    if (!device_name_fold(span_of(name), fold))
        return NULL;
    for (size_t i = 0; i < n_known; i++)
        if (strcmp(known[i].fold, fold) == 0)
            return &known[i];
    return NULL;
}

/* Few letters and short names, so that many are alike. */
static void random_name(char out[32])
{
    static const char letters[] = "aAb-_:0";
    size_t n = 1 + below(4);
    for (size_t i = 0; i < n; i++)
        out[i] = letters[below(sizeof letters - 1)];
    if (below(20) == 0)
        out[below(n)] = "*? .%/\x7f\xc3"[below(8)]; /* no name at all */
    out[n] = '\0';
}

static void enrol_one(const char *name)
{
    struct known *k = find(name);
    enum enrol_result result = enrol(name, 0, NULL);
    if (!device_name_valid(span_of(name))) {
        assert_int_equal(result, ENROL_NAME_INVALID);
    } else if (k != NULL) {
        assert_int_equal(result, strcmp(k->name, name) == 0 ? ENROL_KNOWN : ENROL_NAME_TAKEN);
    } else {
        assert_int_equal(result, ENROL_NEW);
        k = &known[n_known++];
        snprintf(k->name, sizeof k->name, "%s", name);
        device_name_fold(span_of(name), k->fold);
        k->label[0] = '\0';
    }
}

static void label_one(const char *name, int round)
{
    struct known *k = find(name);
    struct answer a = {0};
    struct tags add = {0};
    char label[16];
    snprintf(label, sizeof label, "%d", round);
    tags_set(&add, span_of("round"), span_of(label));
    device_registry_update(devices, span_of(name), &(struct device_update){.add = &add}, on_device,
                           &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, k != NULL ? ERR_OK : ERR_NOT_FOUND);
    if (k != NULL) {
        assert_string_equal(a.device.name, k->name);
        snprintf(k->label, sizeof k->label, "%s", label);
    }
    tags_free(&add);
    answer_clear(&a);
}

static void remove_one(const char *name)
{
    struct known *k = find(name);
    assert_int_equal(remove_device(name), k != NULL ? ERR_OK : ERR_NOT_FOUND);
    if (k != NULL)
        *k = known[--n_known];
}

static void must_be(const char *name, const struct known *k)
{
    const struct device_record *d = get(name);
    assert_true((d != NULL) == (k != NULL));
    if (k == NULL)
        return;
    assert_string_equal(d->name, k->name);
    assert_int_equal(d->labels.n, k->label[0] != '\0');
    if (k->label[0] != '\0')
        assert_string_equal(d->labels.items[0].value, k->label);
}

/* All that the model knows is there as it knows it, and nothing else. */
static void compare(void)
{
    assert_int_equal(count_devices(), n_known);
    for (size_t i = 0; i < n_known; i++) {
        must_be(known[i].name, &known[i]);
        must_be(known[i].fold, &known[i]);
    }
}

static void test_names(void **state)
{
    char name[32];
    (void)state;
    seed = 7;
    n_known = 0;
    for (int round = 1; round <= ROUNDS; round++) {
        random_name(name);
        switch (below(4)) {
        case 0:
            enrol_one(name);
            break;
        case 1:
            label_one(name, round);
            break;
        case 2:
            if (below(4) == 0)
                remove_one(name);
            break;
        default:
            must_be(name, find(name));
        }
        if (round % 500 == 0) {
            compare();
            reopen();
            compare();
        }
    }
    assert_in_range(n_known, 50, NAMES_MAX);
}

/* No token lets in a device whose name its invitation does not match. */
static void test_invited_names(void **state)
{
    static const char *const globs[] = {"a*", "?b", "-", "*:*", "A"};
    char name[32], token[8];
    size_t let_in = 0;
    (void)state;
    seed = 8;
    for (size_t i = 0; i < 5; i++) {
        snprintf(token, sizeof token, "join%zu", i);
        assert_int_equal(invite(token, globs[i], 1000, 1000000), ERR_OK);
    }
    for (int round = 0; round < 400; round++) {
        size_t i = below(5);
        random_name(name);
        snprintf(token, sizeof token, "join%zu", i);
        enum enrol_result result = enrol(name, 'k', token);
        size_t n = strlen(name);
        bool matches = i == 0   ? name[0] == 'a'
                       : i == 1 ? n == 2 && name[1] == 'b'
                       : i == 2 ? strcmp(name, "-") == 0
                       : i == 3 ? strchr(name, ':') != NULL
                                : strcmp(name, "A") == 0;
        if (result == ENROL_NEW) {
            let_in++;
            assert_true(matches);
        }
        assert_true(result != ENROL_NOT_INVITED || !matches);
    }
    assert_in_range(let_in, 10, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_invited_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
