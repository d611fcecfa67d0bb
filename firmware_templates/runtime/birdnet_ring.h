/**
 * @file
 * A ring buffer between an interrupt that delivers samples and the loop that processes windows.
 *
 * One side writes (the DMA interrupt of a microphone, for example), one side reads. Neither waits
 * for the other, and no interrupt has to be disabled. If the reader is late for too long, samples
 * are lost: all that come until the reader has worked off what was stored before. So there is one
 * gap at a time, its length is known, and no window contains it. Windows begin anew after it.
 */
#ifndef BIRDNET_RING_H
#define BIRDNET_RING_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Private to the functions below. Counts of samples wrap at 2^32. */
typedef struct {
    int16_t *samples;
    uint32_t capacity_samples;
    uint32_t window_samples;
    uint32_t hop_samples;
    /* Only the writer changes these. */
    uint32_t write_index;
    bool in_gap;
    volatile uint32_t written;      /* samples that were stored */
    volatile uint32_t gaps_opened;  /* differs from gaps_closed while samples are lost */
    volatile uint32_t gap_at;       /* value of `written` at the last gap */
    volatile uint32_t lost;         /* samples that were lost */
    volatile uint32_t lost_in_gaps; /* the same at the end of the last gap that is over */
    /* Only the reader changes these. */
    uint32_t read_index;
    volatile uint32_t released; /* samples that may be overwritten: those before the next window */
    volatile uint32_t gaps_closed;
    uint32_t lost_and_told;
    uint64_t position_samples;
} birdnet_ring_t;

/** Where a window begins. */
typedef struct {
    uint64_t start_samples; /**< position in the stream; lost samples count */
    uint32_t lost_samples;  /**< samples that were lost since the window before; usually 0 */
} birdnet_ring_window_t;

/**
 * Prepares an empty ring.
 *
 * @param samples          memory of the ring, which stays in use
 * @param capacity_samples its length, at least window_samples. The reader may be late by what is
 *                         left beside a window.
 * @param window_samples   BIRDNET_WINDOW_SAMPLES
 * @param hop_samples      BIRDNET_WINDOW_HOP_SAMPLES, from 1 to window_samples
 */
void birdnet_ring_init(birdnet_ring_t *ring, int16_t *samples, uint32_t capacity_samples,
                       uint32_t window_samples, uint32_t hop_samples);

/**
 * Stores samples. Only the writer calls this.
 *
 * @return whether they were stored; if not, all of them are lost
 */
bool birdnet_ring_write(birdnet_ring_t *ring, const int16_t *samples, uint32_t count);

/**
 * Copies the next window and moves on by a hop. Only the reader calls this.
 *
 * @param pcm    window_samples samples; unchanged if there is no window yet
 * @param window where it begins; unchanged if there is no window yet
 * @return whether there was a window
 */
bool birdnet_ring_read(birdnet_ring_t *ring, int16_t *pcm, birdnet_ring_window_t *window);

/** The number of samples that have been lost since birdnet_ring_init(). */
uint32_t birdnet_ring_lost_samples(const birdnet_ring_t *ring);

#ifdef __cplusplus
}
#endif

#endif
