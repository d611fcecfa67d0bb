/**
 * @file
 * Generated: the identity of this network, for the compiler and the linker.
 *
 * A program contains one network. All linker names of its generated code end in the digest of the
 * network. Therefore the header of one network does not link with the library of another, objects
 * of two networks do not link, and headers of two networks do not compile in one file. The digest
 * covers all C that was generated for the network. The kernels in runtime/ are the same for all.
 */
#ifndef BIRDNET_NETWORK_1123F391FE635594_H
#define BIRDNET_NETWORK_1123F391FE635594_H

/** The header of a second network declares another type, so the compiler names both networks. */
typedef struct birdnet_network_1123f391fe635594 *birdnet_one_network_in_a_program_t;

#if defined BIRDNET_NETWORK_DIGEST || defined BIRDNET_NETWORK_H
#error "network 1123f391fe635594 after another in one file: a program holds one network"
#else

/** The digest that identifies this network. */
#define BIRDNET_NETWORK_DIGEST "1123f391fe635594"

/** The linker name of a name of this network. */
#define BIRDNET_OF_NETWORK(name) name##_of_network_1123f391fe635594

#define birdnet_network_init BIRDNET_OF_NETWORK(birdnet_network_init)
#define birdnet_network_input BIRDNET_OF_NETWORK(birdnet_network_input)
#define birdnet_network_input_place BIRDNET_OF_NETWORK(birdnet_network_input_place)
#define birdnet_network_set_input BIRDNET_OF_NETWORK(birdnet_network_set_input)
#define birdnet_network_get_input BIRDNET_OF_NETWORK(birdnet_network_get_input)
#define birdnet_network_output BIRDNET_OF_NETWORK(birdnet_network_output)
#define birdnet_network_embedding BIRDNET_OF_NETWORK(birdnet_network_embedding)
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
