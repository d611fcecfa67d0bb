/**
 * @file
 * Generated: which network this is, for the compiler and the linker.
 *
 * A program holds one network. The linker knows everything that was generated for it by a name that
 * ends in the network's digest: the header of one network with the library of another, or objects
 * of both, do not link, and the headers of two do not compile in one file. The digest is that of
 * all C that was generated for the network; the kernels in runtime/ are the same for all.
 */
#ifndef BIRDNET_NETWORK_0780B0F1D8731AA1_H
#define BIRDNET_NETWORK_0780B0F1D8731AA1_H

/** A second network's header declares it otherwise, and the compiler then names both networks. */
typedef struct birdnet_network_0780b0f1d8731aa1 *birdnet_one_network_in_a_program_t;

#if defined BIRDNET_NETWORK_DIGEST || defined BIRDNET_NETWORK_H
#error "network 0780b0f1d8731aa1 after another in one file: a program holds one network"
#else

/** Tells this network from any other. */
#define BIRDNET_NETWORK_DIGEST "0780b0f1d8731aa1"

/** What a name of this network is to the linker. */
#define BIRDNET_OF_NETWORK(name) name##_of_network_0780b0f1d8731aa1

#define birdnet_network_init BIRDNET_OF_NETWORK(birdnet_network_init)
#define birdnet_network_input BIRDNET_OF_NETWORK(birdnet_network_input)
#define birdnet_network_input_place BIRDNET_OF_NETWORK(birdnet_network_input_place)
#define birdnet_network_set_input BIRDNET_OF_NETWORK(birdnet_network_set_input)
#define birdnet_network_get_input BIRDNET_OF_NETWORK(birdnet_network_get_input)
#define birdnet_network_output BIRDNET_OF_NETWORK(birdnet_network_output)
#define birdnet_network_quantize BIRDNET_OF_NETWORK(birdnet_network_quantize)
#define birdnet_network_invoke BIRDNET_OF_NETWORK(birdnet_network_invoke)
#define birdnet_network_dequantize BIRDNET_OF_NETWORK(birdnet_network_dequantize)
#define birdnet_network_run BIRDNET_OF_NETWORK(birdnet_network_run)
#define birdnet_labels BIRDNET_OF_NETWORK(birdnet_labels)
#define birdnet_frontend_config BIRDNET_OF_NETWORK(birdnet_frontend_config)
#define birdnet_frontend_feed BIRDNET_OF_NETWORK(birdnet_frontend_feed)
#define birdnet_test_vectors BIRDNET_OF_NETWORK(birdnet_test_vectors)

#endif

#endif
