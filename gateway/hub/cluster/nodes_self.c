#include "core/base/encoding.h"
#include "core/base/random.h"
#include "gateway/hub/cluster/nodes_internal.h"

#define CLOCK_STEP_MS 100 /* by which the cluster's clock is followed with each beat */

void nodes_random(char out[NODE_ID_SIZE])
{
    uint8_t bytes[(NODE_ID_SIZE - 1) / 2];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

void nodes_info(struct nodes *n, char *out, size_t size)
{
    struct node_info i = {.address = n->address, .announce = n->announce, .version = n->version};
    if (n->o.figures != NULL)
        n->o.figures(n->o.owner, &i.figures);
    node_text_write(&i, out, size);
}

void nodes_follow_clock(struct nodes *n, int64_t now)
{
    uint64_t middle = (n->asked_at + loop_now(n->o.loop)) / 2;
    int64_t step = now - (int64_t)middle - n->offset;
    if (now <= 0)
        return;
    if (n->clock_known && step > CLOCK_STEP_MS)
        step = CLOCK_STEP_MS;
    if (n->clock_known && step < -CLOCK_STEP_MS)
        step = -CLOCK_STEP_MS;
    n->offset += step;
    n->clock_known = true;
}
