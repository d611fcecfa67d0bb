/* Reads species lists from standard input, each as its number of bytes in a line, the number of
 * bytes to feed at once in another, and the bytes. Prints what became of each, in one line. */
#include "birdnet_species_list.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const labels[] = {
    "Turdus merula_Eurasian Blackbird",
    "Strix aluco_Tawny Owl",
    "Parus major_Great Tit",
    "Columba livia_Rock Dove",
    "Columba rupestris_Rock Dove",
    "Dog_Dog",
    "house_sparrow",
    "noise",
    "Picus viridis_Gr\xC3\xBCnspecht",
    "a \"quoted\", name",
};
#define CLASSES (uint32_t)(sizeof labels / sizeof labels[0])

static void show(const birdnet_species_list_t *list) {
    printf("%d %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32, list->mistake, list->mistake_line,
           list->known, list->unknown, list->first_unknown_line);
    for (uint32_t index = 0; index < CLASSES; index++) {
        const birdnet_listed_species_t *const one = &list->species[index];
        if (one->line != 0u) {
            printf(" %" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%" PRIx64 ":%d", index,
                   one->line, one->threshold, one->need, one->weeks, one->time);
        }
    }
    for (uint32_t week = 0; week <= BIRDNET_WEEKS; week += 12u) {
        for (int light = 0; light <= 3; light++) {
            uint8_t allowed[CLASSES];
            uint32_t bits = 0;
            if (birdnet_species_allowed(list->species, CLASSES, week, (birdnet_light_t)light,
                                        allowed) != BIRDNET_OK) {
                abort();
            }
            for (uint32_t index = 0; index < CLASSES; index++) {
                bits |= (uint32_t)allowed[index] << index;
            }
            printf(" %" PRIx32, bits);
        }
    }
    printf("\n");
}

int main(void) {
    size_t count = 0;
    size_t step = 0;
    while (scanf("%zu %zu", &count, &step) == 2 && getchar() == '\n') {
        uint8_t *const bytes = malloc(count + 1u);
        birdnet_listed_species_t species[CLASSES];
        birdnet_species_list_t list;
        if (bytes == NULL || fread(bytes, 1, count, stdin) != count ||
            birdnet_species_list_begin(&list, labels, species, CLASSES) != BIRDNET_OK) {
            return 1;
        }
        for (size_t at = 0; at < count; at += step) {
            birdnet_species_list_feed(&list, bytes + at, count - at < step ? count - at : step);
        }
        birdnet_species_list_end(&list);
        show(&list);
        free(bytes);
    }
    return 0;
}
