#ifndef HAMSTER_COPENSSL_SHIM_H
#define HAMSTER_COPENSSL_SHIM_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Swift imports neither function-like macros nor macros with casts. Each function here is the macro of the same name. */

static inline int COpenSSL_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int COpenSSL_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

/* The modes every connection has: see TLSContext.applyCommonSettings. */
static inline void COpenSSL_SSL_CTX_set_connection_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
}

/* The options every connection has: see TLSContext.applyCommonSettings. */
static inline void COpenSSL_SSL_CTX_set_connection_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                     | SSL_OP_PRIORITIZE_CHACHA);
}

static inline void COpenSSL_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

/* The longest chain of certificates that is taken from a peer, in bytes. */
static inline void COpenSSL_SSL_CTX_set_max_cert_list(SSL_CTX *context, long bytes) {
    SSL_CTX_set_max_cert_list(context, bytes);
}

/* Makes an EVP_MAC_CTX of HMAC one that uses SHA-256 and this key. */
static inline int COpenSSL_EVP_MAC_CTX_set_hmac_sha256(EVP_MAC_CTX *code, void *key, size_t count) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, count),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(code, parameters);
}

/*
 * The most plaintext bytes of a record that is sent, 512 to 16384. A lower maximum takes the length at which OpenSSL cuts
 * (split_send_fragment) down with it, and a higher one leaves it there: so both are set.
 */
static inline int COpenSSL_SSL_set_max_send_fragment(SSL *ssl, long bytes) {
    return SSL_set_max_send_fragment(ssl, bytes) == 1 && SSL_set_split_send_fragment(ssl, bytes) == 1;
}

static inline int COpenSSL_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void COpenSSL_X509_STORE_check_revocation(X509_STORE *store) {
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

static inline void COpenSSL_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline void COpenSSL_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline long COpenSSL_BIO_get_mem_data(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

static inline STACK_OF(X509) *COpenSSL_sk_X509_new(void) { return sk_X509_new_null(); }

static inline int COpenSSL_sk_X509_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}

static inline X509 *COpenSSL_sk_X509_value(const STACK_OF(X509) *stack, int index) {
    return sk_X509_value(stack, index);
}
static inline void COpenSSL_sk_X509_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

static inline int COpenSSL_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline const GENERAL_NAME *COpenSSL_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

static inline void COpenSSL_OPENSSL_free(void *pointer) { OPENSSL_free(pointer); }

/* The names' subject in RFC 2253 form, in ASCII: control bytes and all beyond ASCII are escaped. */
static inline int COpenSSL_X509_NAME_print_rfc2253(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}

static inline EVP_PKEY *COpenSSL_make_P256_key(void) { return EVP_EC_gen("P-256"); }

static inline void COpenSSL_X509_EXTENSIONS_free(X509_EXTENSIONS *extensions) {
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

/* An extension in the words of x509v3_config(5), without a configuration to refer to, for a certificate or a list of revoked
   ones; the other is null. The caller's, or null. */
static inline X509_EXTENSION *COpenSSL_make_extension(X509 *issuer, X509 *certificate, X509_CRL *list, int number,
                                                      const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, list, 0);
    X509V3_set_ctx_nodb(&context);
    return X509V3_EXT_nconf_nid(NULL, &context, number, value);
}

static inline int COpenSSL_sk_X509_num(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }

/* No tickets on this connection, of any version. */
static inline void COpenSSL_SSL_refuse_tickets(SSL *ssl) {
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_num_tickets(ssl, 0);
}

/* Sent to this connection's peer behind the server's own chain. */
static inline int COpenSSL_SSL_add1_chain_cert(SSL *ssl, X509 *certificate) {
    return (int)SSL_add1_chain_cert(ssl, certificate);
}

static inline int COpenSSL_sk_X509_REVOKED_num(const STACK_OF(X509_REVOKED) *entries) {
    return sk_X509_REVOKED_num(entries);
}

static inline X509_REVOKED *COpenSSL_sk_X509_REVOKED_value(const STACK_OF(X509_REVOKED) *entries, int index) {
    return sk_X509_REVOKED_value(entries, index);
}

#endif
