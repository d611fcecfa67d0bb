/* Hears one window of silence and prints the probability of each class. */
#include "birdnet.h"

#include <stdio.h>

static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static int16_t window[BIRDNET_WINDOW_SAMPLES]; /* put the samples of a microphone here */
static float probabilities[BIRDNET_OUTPUT_ELEMENTS];

int main(void) {
    birdnet_t birdnet;
    if (birdnet_init(&birdnet, arena, sizeof arena, scratch) != BIRDNET_OK) {
        return 1;
    }
    printf("%s %s, network %s\n", birdnet_model()->name, birdnet_model()->version,
           birdnet_model()->network_digest);
    if (birdnet_hear(&birdnet, window, probabilities) != BIRDNET_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < birdnet_class_count(&birdnet); ++i) {
        printf("%.3f  %s\n", (double)probabilities[i], birdnet_class_name(&birdnet, i));
    }
    return 0;
}
