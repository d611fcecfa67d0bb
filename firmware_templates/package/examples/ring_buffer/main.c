/* A microphone on a microcontroller: an interrupt fills a ring, the loop hears a window of it
 * whenever there is one. Here a function stands for the interrupt, and the audio is silence, so the
 * example runs on a computer too: replace `microphone_interrupt` and `print_event`. */
#include "birdnet.h"
#include "birdnet_ring.h"
#include "birdnet_rules.h"

#include <stdio.h>

#define BLOCK_SAMPLES 256u
/* The loop may be late by one second. */
#define RING_SAMPLES (BIRDNET_WINDOW_SAMPLES + BIRDNET_SAMPLE_RATE_HZ)

static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static int16_t ring_memory[RING_SAMPLES];
static int16_t window[BIRDNET_WINDOW_SAMPLES];
static float probabilities[BIRDNET_OUTPUT_ELEMENTS];
static birdnet_ring_t ring;
static birdnet_t birdnet;

/* The driver of the microphone calls this with each half of its DMA buffer. */
static void microphone_interrupt(const int16_t *block) {
    birdnet_ring_write(&ring, block, BLOCK_SAMPLES);
}

static void print_event(void *context, const birdnet_event_t *event) {
    (void)context;
    printf("%s from %.2f s to %.2f s\n", birdnet_class_name(&birdnet, event->label),
           (double)event->start_samples / BIRDNET_SAMPLE_RATE_HZ,
           (double)event->end_samples / BIRDNET_SAMPLE_RATE_HZ);
}

int main(void) {
    if (birdnet_init(&birdnet, arena, sizeof arena, scratch) != BIRDNET_OK ||
        birdnet_rules_init(&birdnet.network) != BIRDNET_OK) {
        return 1;
    }
    birdnet_ring_init(&ring, ring_memory, RING_SAMPLES, BIRDNET_WINDOW_SAMPLES,
                      BIRDNET_WINDOW_HOP_SAMPLES);
    static const int16_t silence[BLOCK_SAMPLES];
    uint32_t windows = 0;
    while (windows < 4u) { /* a device has no end here */
        microphone_interrupt(silence);
        birdnet_ring_window_t place;
        while (birdnet_ring_read(&ring, window, &place)) {
            if (place.lost_samples > 0u) {
                printf("%u samples were lost\n", (unsigned)place.lost_samples);
            }
            if (birdnet_hear(&birdnet, window, probabilities) != BIRDNET_OK) {
                return 1;
            }
            birdnet_rules_push(probabilities, place.start_samples, print_event, NULL);
            ++windows;
        }
        /* Nothing to do until the next interrupt: __WFI() */
    }
    printf("heard %u windows\n", (unsigned)windows);
    return 0;
}
