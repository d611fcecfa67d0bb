/* Feeds damaged species lists to birdnet_species_list, for libFuzzer.
 *
 * The first byte of an input says how many bytes are fed at once; the others are the file. */
#include "birdnet_species_list.h"

#include <stdlib.h>

static const char *const labels[] = {"Turdus merula_Eurasian Blackbird", "Dog_Dog", "noise",
                                     "a \"q\", n"};
#define CLASSES 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    birdnet_listed_species_t species[CLASSES];
    birdnet_species_list_t list;
    uint8_t allowed[CLASSES];
    if (size == 0u) {
        return 0;
    }
    const size_t step = data[0] % 60u + 1u;
    require(birdnet_species_list_begin(&list, labels, species, CLASSES) == BIRDNET_OK);
    for (size_t at = 1; at < size; at += step) {
        birdnet_species_list_feed(&list, data + at, size - at < step ? size - at : step);
    }
    const birdnet_status_t status = birdnet_species_list_end(&list);
    require((status == BIRDNET_OK) == (list.mistake == BIRDNET_SPECIES_OK));
    require(birdnet_species_expected(list.mistake) != NULL && list.mistake_line <= size);
    uint32_t known = 0;
    for (uint32_t index = 0; index < CLASSES; index++) {
        const birdnet_listed_species_t *const one = &species[index];
        if (one->line != 0u) {
            known++;
            require(one->weeks != 0u && one->weeks <= BIRDNET_ALL_WEEKS && one->need <= 32u);
            require(one->threshold < 1u << 24 && one->line <= size);
        }
    }
    require(known == list.known);
    require(birdnet_species_allowed(species, CLASSES, list.line % 49u,
                                    (birdnet_light_t)(list.line % 4u), allowed) == BIRDNET_OK);
    return 0;
}
