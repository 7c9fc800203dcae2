/* How fast each kernel of AES-GCM that this CPU has seals and opens records, beside BearSSL's own
 * code for this CPU, in turns in one run: MB/s of CPU time (medians of ROUNDS), and how many times
 * BearSSL's that is. Without arguments AES-128 and records of 16384, 1024 and 64 bytes; bench_gcm
 * SIZE... takes others. */
#include "core/tls/gcm_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 9
#define BYTES (24u << 20)
#define N_AAD 13
#define KERNELS 8

static uint8_t record[1 << 20], sealed[1 << 20];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double once(const struct gcm_kernel *kernel, size_t key_size, size_t size, bool sealing)
{
    static const uint8_t secret[GCM_KEY_MAX], aad[N_AAD];
    uint8_t nonce[GCM_NONCE] = {0}, tag[GCM_TAG];
    struct gcm_key key;
    gcm_key_init_for(kernel, &key, secret, key_size);
    struct gcm_span span = {.p = record, .n = size};
    gcm_seal(&key, nonce, aad, N_AAD, &span, 1, sealed, tag);
    size_t times = BYTES / (size + 256);
    double start = now();
    for (size_t i = 0; i < times; i++)
        if (sealing)
            gcm_seal(&key, nonce, aad, N_AAD, &span, 1, sealed, tag);
        else if (!gcm_open(&key, nonce, aad, N_AAD, sealed, size, record, tag))
            exit(1);
    return (double)times * (double)size / 1e6 / (now() - start);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare(size_t key_size, size_t size, bool sealing)
{
    double speeds[KERNELS][ROUNDS], bearssl = 0;
    size_t n = 0;
    while (gcm_kernels[n] != NULL)
        n++;
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < n; i++)
            if (gcm_here(gcm_kernels[i]))
                speeds[i][r] = once(gcm_kernels[i], key_size, size, sealing);
    for (size_t i = n; i-- > 0;) {
        if (!gcm_here(gcm_kernels[i]))
            continue;
        qsort(speeds[i], ROUNDS, sizeof(double), by_value);
        double median = speeds[i][ROUNDS / 2];
        bearssl = bearssl == 0 ? median : bearssl;
        printf("AES-%zu %-4s %7zu bytes  %-8s %6.0f MB/s  %5.2f\n", key_size * 8,
               sealing ? "seal" : "open", size, gcm_kernels[i]->name, median, median / bearssl);
    }
}

int main(int argc, char **argv)
{
    size_t sizes[8] = {16384, 1024, 64}, n = 3;
    for (n = argc > 1 ? 0 : n; n + 1 < (size_t)argc && n < 8; n++)
        sizes[n] = strtoul(argv[n + 1], NULL, 10);
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] > sizeof record)
            return 2;
        compare(16, sizes[i], true);
        compare(16, sizes[i], false);
    }
    compare(32, sizes[0], true);
    return 0;
}
