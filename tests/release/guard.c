/* The stack protector of static programs: 0 when the value that functions compare is there, in the
 * first thread and in others, and is one of this run; with an argument it ends by a signal. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern uintptr_t __stack_chk_guard; /* where musl has made it */

static uintptr_t guard(void)
{
#if defined __x86_64__
    uintptr_t value;
    __asm__("mov %%fs:0x28, %0" : "=r"(value));
    return value;
#else /* two pointers below the thread pointer */
    return ((const uintptr_t *)__builtin_thread_pointer())[-2];
#endif
}

static void *in_thread(void *found)
{
    *(uintptr_t *)found = guard();
    return NULL;
}

static __attribute__((noinline)) int overflow(size_t n)
{
    char text[8];
    memset(text, 1, n);
    __asm__ volatile("" : : "r"(text) : "memory");
    return text[0];
}

int main(int argc, char **argv)
{
    uintptr_t other = 0;
    pthread_t thread;
    (void)argv;
    if (argc > 1)
        return overflow((size_t)argc * 20);
    pthread_create(&thread, NULL, in_thread, &other);
    pthread_join(thread, NULL);
    printf("%lx\n", (unsigned long)guard());
    return guard() == 0 || guard() != __stack_chk_guard || guard() != other;
}
