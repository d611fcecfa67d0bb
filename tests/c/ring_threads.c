/* Writes a stream into a ring in one thread and reads its windows in another, which is sometimes
 * late. Sample number n of the stream has the value n modulo 32,749. Prints the windows that were
 * read, the samples that were lost, and the start of the last window. */
#include "birdnet_ring.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY = 1000, WINDOW = 240, HOP = 96, BLOCK = 37, BLOCKS = 20000, PERIOD = 32749 };

static int16_t memory[CAPACITY];
static birdnet_ring_t ring;
static volatile int done;

static void *write_stream(void *unused) {
    int16_t block[BLOCK];
    uint32_t position = 0;
    for (uint32_t i = 0; i < BLOCKS; ++i) {
        for (uint32_t k = 0; k < BLOCK; ++k) {
            block[k] = (int16_t)(position++ % PERIOD);
        }
        birdnet_ring_write(&ring, block, BLOCK);
        for (volatile int pause = 0; pause < 4000; ++pause) {
        }
    }
    done = 1;
    return unused;
}

int main(void) {
    int16_t pcm[WINDOW];
    birdnet_ring_window_t window = {0};
    uint64_t expected = 0;
    uint32_t windows = 0;
    pthread_t writer;
    birdnet_ring_init(&ring, memory, CAPACITY, WINDOW, HOP);
    pthread_create(&writer, NULL, write_stream, NULL);
    for (;;) {
        const int last = done;
        if (!birdnet_ring_read(&ring, pcm, &window)) {
            if (last && ring.gaps_opened == ring.gaps_closed) {
                break;
            }
            continue;
        }
        if (window.lost_samples == 0u ? windows > 0u && window.start_samples != expected
                                      : window.start_samples < expected) {
            printf("window %" PRIu32 " begins at %" PRIu64 ", not at %" PRIu64 "\n", windows,
                   window.start_samples, expected);
            return EXIT_FAILURE;
        }
        for (uint32_t k = 0; k < WINDOW; ++k) {
            if (pcm[k] != (int16_t)((window.start_samples + k) % PERIOD)) {
                printf("window %" PRIu32 " has another sample %" PRIu32 "\n", windows, k);
                return EXIT_FAILURE;
            }
        }
        expected = window.start_samples + HOP;
        ++windows;
        if (windows % 640u == 0u) {
            for (volatile int pause = 0; pause < 400000; ++pause) {
            }
        }
    }
    pthread_join(writer, NULL);
    printf("%" PRIu32 " %" PRIu32 " %" PRIu64 "\n", windows, birdnet_ring_lost_samples(&ring),
           window.start_samples);
    return EXIT_SUCCESS;
}
