#include "core/base/budget.h"

#include <stdlib.h>

#define SPARE_BLOCKS 64 /* kept for reuse: 1 MB at most */

void budget_init(struct budget *b, size_t limit)
{
    *b = (struct budget){.limit = limit};
    list_init(&b->accounts);
}

void budget_free(struct budget *b)
{
    while (b->spare != NULL) {
        void *block = b->spare;
        b->spare = *(void **)block;
        free(block);
    }
    b->n_spare = 0;
}

/* ---- shares ---- */

static size_t share_of(const struct budget *b)
{
    return b->limit / 2 / (b->n > 0 ? b->n : 1);
}

static size_t beyond(size_t used, size_t share)
{
    return used > share ? used - share : 0;
}

static size_t common_limit(const struct budget *b)
{
    return b->limit - share_of(b) * b->n;
}

/* Shares shrink when an account is opened. */
static void divide(struct budget *b)
{
    b->common = 0;
    list_each(node, &b->accounts) b->common +=
        beyond(list_entry(node, struct account, node)->used, share_of(b));
}

void account_open(struct account *a, struct budget *b, size_t most)
{
    *a = (struct account){.most = most, .budget = b};
    list_init(&a->node);
    list_append(&b->accounts, &a->node);
    b->n++;
    divide(b);
}

void account_close(struct account *a)
{
    if (a->budget == NULL)
        return;
    list_remove(&a->node);
    a->budget->n--;
    divide(a->budget);
    a->budget = NULL;
}

bool account_may(const struct account *a, size_t n)
{
    const struct budget *b = a->budget;
    size_t share = share_of(b), then = a->used + n;
    if (then > a->most)
        return false;
    size_t more = beyond(then, share) - beyond(a->used, share);
    return more == 0 || b->common + more <= common_limit(b);
}

size_t account_limit(const struct account *a)
{
    size_t most = share_of(a->budget) + common_limit(a->budget);
    return a->most < most ? a->most : most;
}

/* ---- blocks ---- */

static void charge(struct account *a, size_t used)
{
    size_t share = share_of(a->budget);
    a->budget->common += beyond(used, share);
    a->budget->common -= beyond(a->used, share);
    a->used = used;
}

void *account_take(struct account *a, size_t n)
{
    struct budget *b = a->budget;
    void *block = n == BUDGET_BLOCK ? b->spare : NULL;
    if (block != NULL) {
        b->spare = *(void **)block;
        b->n_spare--;
    } else if ((block = malloc(n)) == NULL) {
        return NULL;
    }
    charge(a, a->used + n);
    return block;
}

void account_give(struct account *a, void *block, size_t n)
{
    struct budget *b = a->budget;
    charge(a, a->used - n);
    if (n != BUDGET_BLOCK || b->n_spare >= SPARE_BLOCKS) {
        free(block);
        return;
    }
    *(void **)block = b->spare;
    b->spare = block;
    b->n_spare++;
}
