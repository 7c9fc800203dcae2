/* Plays files through a fuzz target, for compilers without libFuzzer: each argument is a file, or a
 * folder whose files are all played. Fails when there was nothing to play. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Room of exactly the file's size, so that a read past its end is found. */
static bool play_file(const char *path, size_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    FILE *f = fopen(path, "rb");
    bool read = data != NULL && f != NULL && fread(data, 1, size, f) == size;
    if (f != NULL)
        fclose(f);
    if (read)
        LLVMFuzzerTestOneInput(data, size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    free(data);
    return read;
}

static bool play_folder(const char *path, size_t *played);

static bool play(const char *path, size_t *played)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return false;
    }
    if (S_ISDIR(st.st_mode))
        return play_folder(path, played);
    *played += 1;
    return play_file(path, (size_t)st.st_size);
}

static bool play_folder(const char *path, size_t *played)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char *name = NULL;
        if (entry->d_name[0] == '.')
            continue;
        if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
            abort();
        ok = play(name, played) && ok;
        free(name);
    }
    closedir(dir);
    return ok;
}

int main(int argc, char **argv)
{
    size_t played = 0;
    bool ok = true;
    for (int i = 1; i < argc; i++)
        ok = play(argv[i], &played) && ok;
    printf("%zu inputs played\n", played);
    return ok && played > 0 ? 0 : 1;
}
