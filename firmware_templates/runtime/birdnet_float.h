/**
 * @file
 * What every source that computes with floats needs of its compiler.
 *
 * Not-a-number marks values that are computed again, and the order of sums and divisions decides
 * how they are rounded: -ffast-math makes other features of the same sound, up to the whole range.
 * -ffp-contract is no such option: a fused multiply-add changes the last bit of a few floats, which
 * CMakeLists.txt switches off so that all processors give the same bits.
 */
#ifndef BIRDNET_FLOAT_H
#define BIRDNET_FLOAT_H

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||     \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "results would change: build this without -ffast-math, -Ofast and their parts"
#endif

#endif
