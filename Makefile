# MiniModel tools: one Makefile, no recursion. `make` builds, `make check` tests; see the README.
#
#   V=1                      show commands
#   SANITIZE=address,undefined | thread
#   CC=clang                 another compiler
#   DESTDIR= PREFIX=/usr/local BINDIR= LIBDIR= INCLUDEDIR= DATADIR= MANDIR= DOCDIR= BASHCOMPDIR= ZSHCOMPDIR= FISHCOMPDIR=

VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
CC ?= cc
PKG_CONFIG ?= pkg-config
INSTALL ?= install
PYTHON ?= python3

# ---- what is built ----

LIB_SOURCES := \
	lib/base/behind.c lib/base/beneath.c lib/base/bits.c lib/base/buf.c lib/base/checked.c lib/base/clock.c lib/base/diag.c \
	lib/base/file.c lib/base/inflate.c lib/base/mapped.c lib/base/number.c lib/base/parcel.c lib/base/place.c \
	lib/base/pool.c lib/base/processor.c lib/base/sandbox.c lib/base/sealed.c lib/base/source.c lib/base/tally.c lib/base/thread.c lib/base/tree.c \
	lib/base/utf8.c lib/base/windows.c lib/base/windows_ahead.c lib/base/writeback.c \
	lib/hash/chunk.c lib/hash/git_blob.c lib/hash/merkle.c lib/hash/name_set.c lib/hash/sha256.c \
	lib/hash/sha256_armv8.c lib/hash/sha256_avx2.c lib/hash/sha256_avx512.c \
	lib/hash/sha256_lanes.c lib/hash/sha256_neon.c lib/hash/sha256_portable.c lib/hash/sha256_shani.c \
	lib/text/canonical.c lib/text/json.c lib/text/json_string.c lib/text/json_tree.c lib/text/line.c lib/text/match.c lib/text/path.c \
	lib/text/placeholder.c lib/text/quantity.c lib/text/route.c lib/text/spdx.c \
	lib/model/artifact.c lib/model/config.c lib/model/dequantize.c lib/model/dtype.c lib/model/facts.c lib/model/gguf.c \
	lib/model/gguf_facts.c lib/model/gguf_head.c lib/model/gguf_pairs.c lib/model/llama.c lib/model/model.c \
	lib/model/pickle.c lib/model/piece_index.c lib/model/quantize.c lib/model/refused.c lib/model/safetensors.c \
	lib/model/set.c lib/model/slm.c lib/model/slm_facts.c lib/model/slm_head.c lib/model/slm_read.c \
	lib/model/slm_write.c lib/model/tensor.c lib/model/tokenizer.c \
	lib/convert/checkpoint.c lib/convert/gguf_source.c lib/convert/gguf_split.c lib/convert/llama2c_source.c \
	lib/convert/llama_config.c lib/convert/merge_scores.c lib/convert/pack.c lib/convert/pipeline.c \
	lib/convert/protobuf.c lib/convert/rows.c lib/convert/safetensors_source.c lib/convert/slm_source.c \
	lib/convert/special.c lib/convert/special_settings.c lib/convert/tokenizer_bin.c lib/convert/tokenizer_gguf.c \
	lib/convert/tokenizer_json.c lib/convert/tokenizer_model.c lib/convert/tokenizer_source.c lib/convert/unpack.c \
	lib/doc/anchor.c lib/doc/attestation.c lib/doc/bad_ranges.c lib/doc/catalog_changes.c lib/doc/catalog_entry.c \
	lib/doc/catalog_head.c lib/doc/catalog_lines.c lib/doc/catalog_page.c lib/doc/catalog_page_list.c \
	lib/doc/catalog_page_model.c lib/doc/catalog_proof.c lib/doc/catalog_query.c lib/doc/catalog_read.c \
	lib/doc/catalog_witness.c lib/doc/chunk_list.c lib/doc/derived.c lib/doc/evidence.c lib/doc/evidence_read.c lib/doc/fingerprint.c lib/doc/manifest_check.c \
	lib/doc/manifest_field.c lib/doc/manifest_json.c lib/doc/manifest_read.c lib/doc/manifest_write.c \
	lib/doc/policy.c lib/doc/publisher.c lib/doc/receipt.c lib/doc/receipt_log.c lib/doc/receipt_read.c \
	lib/doc/report.c lib/doc/trace.c lib/doc/withdrawn.c \
	lib/trust/judgement.c lib/trust/key_memory.c lib/trust/keyring.c lib/trust/keyring_check.c \
	lib/trust/keyring_files.c lib/trust/keyring_folder.c lib/trust/keyring_write.c lib/trust/minisign.c \
	lib/trust/oms_bundle.c lib/trust/oms_json.c lib/trust/oms_key.c lib/trust/oms_statement.c lib/trust/revocation.c \
	lib/trust/secret.c lib/trust/secret_form.c lib/trust/secret_key.c lib/trust/two_lines.c \
	lib/act/attest.c lib/act/attest_bundle.c lib/act/attest_compare.c lib/act/catalog_admit.c \
	lib/act/catalog_ahead.c lib/act/catalog_build.c lib/act/catalog_check.c lib/act/catalog_countersign.c \
	lib/act/catalog_find.c lib/act/catalog_folder.c lib/act/catalog_found.c lib/act/catalog_history.c \
	lib/act/catalog_merge.c lib/act/catalog_model.c lib/act/catalog_pages.c lib/act/catalog_pages_check.c lib/act/catalog_pages_place.c \
	lib/act/catalog_place.c lib/act/catalog_prove.c lib/act/catalog_publish.c lib/act/catalog_revoked.c \
	lib/act/catalog_rows.c lib/act/catalog_standing.c lib/act/catalog_surplus.c lib/act/catalog_traces.c \
	lib/act/catalog_witness.c lib/act/chain.c \
	lib/act/chain_check.c lib/act/chain_read.c lib/act/chain_sign.c lib/act/chunks.c lib/act/consent.c \
	lib/act/countersigned.c lib/act/derive.c lib/act/diff.c lib/act/diff_side.c lib/act/diff_templates.c \
	lib/act/diff_terms.c lib/act/filter.c lib/act/folder.c lib/act/gather.c lib/act/hand_over.c lib/act/held.c \
	lib/act/home.c lib/act/import.c lib/act/import_file.c lib/act/import_item.c lib/act/import_mend.c \
	lib/act/import_publish.c lib/act/intake.c lib/act/keep.c lib/act/lay_out.c lib/act/make.c lib/act/make_read.c \
	lib/act/media.c lib/act/media_copy.c lib/act/media_keys.c lib/act/media_model.c lib/act/media_old.c \
	lib/act/media_plan.c lib/act/media_revocations.c lib/act/media_text.c lib/act/media_tools.c lib/act/memory.c \
	lib/act/now.c lib/act/obey.c lib/act/oms.c lib/act/recheck.c lib/act/repair.c lib/act/repair_copies.c \
	lib/act/repair_fetch.c lib/act/repair_file.c lib/act/repair_files.c lib/act/repair_look.c lib/act/repair_whole.c \
	lib/act/shelf.c lib/act/sign.c lib/act/store.c lib/act/supply.c lib/act/trust.c lib/act/verify.c \
	lib/act/verify_artifact.c lib/act/verify_evidence.c lib/act/verify_files.c
# what peers exchange, above the transport
LIB_SOURCES += \
	lib/exchange/catalog_share.c lib/exchange/discovery.c lib/exchange/download.c lib/exchange/have.c \
	lib/exchange/judge.c lib/exchange/landing.c lib/exchange/limits.c lib/exchange/peer_id.c lib/exchange/plan.c \
	lib/exchange/plan_peers.c lib/exchange/plan_work.c lib/exchange/prefix.c lib/exchange/range.c \
	lib/exchange/reply.c lib/exchange/resource.c lib/exchange/response.c lib/exchange/shares.c lib/exchange/shares_make.c \
	lib/exchange/shares_partial.c
COMMANDS := catalog-build catalog-find chunk-merkle key-make key-trust manifest-lint manifest-make manifest-sign \
	media-export peer-key receipt-write slm-check slm-diff slm-exec slm-gc slm-import slm-info slm-list slm-pack \
	slm-path slm-remove slm-repair slm-unpack slm-verify
# HTTP/3 between peers is a library of its own: no other command is linked with it, and where ngtcp2 or nghttp3 is missing or too old,
# the commands that need it are left out.
PEER_SOURCES := lib/peer/client.c lib/peer/client_ask.c lib/peer/fetch.c lib/peer/fetch_texts.c lib/peer/h3.c lib/peer/h3_body.c lib/peer/h3_stream.c \
	lib/peer/identity.c lib/peer/mend.c lib/peer/metrics.c lib/peer/quic.c lib/peer/quic_arrive.c \
	lib/peer/quic_connection.c lib/peer/quic_end.c lib/peer/quic_ids.c lib/peer/quic_write.c lib/peer/server.c lib/peer/tls.c \
	lib/peer/udp.c
PEER_COMMANDS := peer-fetch peer-serve
# Peers of the local network are found by avahi-core, which needs no HTTP/3; peer-serve announces with it where it is there.
LAN_SOURCES := lib/peer/lan.c lib/peer/lan_announce.c lib/peer/lan_browse.c
LAN_COMMANDS := peer-find
PEER_TESTS := $(basename $(notdir $(wildcard tests/peer/test_*.c)))
PEER_TOOLS := serve fetch wire crowd cable liar
# What runs models is a library of its own too, which infer-check alone is linked with.
INFER_SOURCES := lib/infer/cases.c lib/infer/cpu.c lib/infer/crew.c lib/infer/elementary.c lib/infer/encoder.c lib/infer/encoder_added.c \
	lib/infer/encoder_bpe.c lib/infer/encoder_decode.c lib/infer/encoder_merge.c lib/infer/encoder_pieces.c \
	lib/infer/encoder_roles.c lib/infer/encoder_spm.c lib/infer/gpu.c lib/infer/gpu_cuda.c lib/infer/gpu_layers.c \
	lib/infer/gpu_opencl.c lib/infer/gpu_placed.c lib/infer/gpu_program.c lib/infer/kernels.c lib/infer/kernels_avx2.c \
	lib/infer/kernels_avx512.c lib/infer/kernels_fast_avx2.c lib/infer/kernels_fast_dotprod.c \
	lib/infer/kernels_fast_portable.c lib/infer/kernels_fast_vnni.c lib/infer/kernels_neon.c \
	lib/infer/kernels_portable.c lib/infer/layers.c lib/infer/loaded.c lib/infer/network.c lib/infer/pace.c lib/infer/permitted.c \
	lib/infer/pre_tokenizer.c lib/infer/pre_tokenizer_finds.c lib/infer/pre_tokenizer_words.c lib/infer/smoke.c \
	lib/infer/stages.c lib/infer/stages_avx2.c lib/infer/stages_avx512.c lib/infer/stages_portable.c \
	lib/infer/trace.c lib/infer/unicode.c
INFER_COMMANDS := infer-check
INFER_TESTS := $(basename $(notdir $(wildcard tests/infer/test_*.c)))
INFER_TOOLS := $(filter-out test_%,$(basename $(notdir $(wildcard tests/infer/*.c))))
UNIT_TESTS := $(basename $(notdir $(wildcard tests/unit/*.c)))
FUZZERS := $(patsubst fuzz_%,%,$(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c))))
PUBLIC_HEADERS := $(wildcard lib/*/*.h) $(wildcard lib/*/*.def)

# ---- how ----

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wpointer-arith -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2
MACHINE := $(shell $(CC) -dumpmachine)
HARDENING := -fstack-protector-strong -fstack-clash-protection -fPIE \
	$(if $(findstring x86_64,$(MACHINE)),-fcf-protection) $(if $(findstring aarch64,$(MACHINE)),-mbranch-protection=standard)
LD_HARDENING := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
comma := ,
ifdef SANITIZE
BUILD := build/$(subst $(comma),-,$(SANITIZE))
SANITIZER := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
HARDENING += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
CFLAGS ?= -O2 -g
# what is rounded twice on paper is rounded twice (lib/model/quantize.c)
ARITHMETIC := -ffp-contract=off
# wherever it is built, the same bytes come out
PLACE := -ffile-prefix-map=$(CURDIR)=.
LIBS := $(shell $(PKG_CONFIG) --libs libcrypto libsodium zlib)
LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcrypto libsodium zlib)
ALL_CFLAGS = -std=c17 -pthread -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMM_VERSION='"$(VERSION)"' -Ilib -Icmd $(WARNINGS) $(HARDENING) $(ARITHMETIC) $(PLACE) \
	$(SANITIZER) $(LIB_CFLAGS) $(CFLAGS) $(EXTRA_CFLAGS)
ALL_LDFLAGS = -pthread $(LD_HARDENING) $(SANITIZER) $(LDFLAGS)

PEER_NEEDS := libngtcp2_crypto_gnutls libngtcp2 libnghttp3 gnutls
ifeq ($(shell $(PKG_CONFIG) --exists 'libngtcp2_crypto_gnutls >= 1.11' 'libngtcp2 >= 1.11' 'libnghttp3 >= 1.8' gnutls && echo yes),yes)
PEER_LIBS := $(shell $(PKG_CONFIG) --libs $(PEER_NEEDS))
LIB_CFLAGS += $(shell $(PKG_CONFIG) --cflags $(PEER_NEEDS))
PEER_LIBRARY := $(BUILD)/libminimodel-peer.a
else
$(info no HTTP/3 here (ngtcp2 and its GnuTLS part 1.11, nghttp3 1.8, GnuTLS): libminimodel-peer.a$(PEER_COMMANDS:%= %) and tests of it are left out)
PEER_LIBRARY :=
PEER_COMMANDS :=
PEER_TESTS :=
PEER_TOOLS :=
endif
ifeq ($(shell $(PKG_CONFIG) --exists 'avahi-core >= 0.8' && echo yes),yes)
LAN_LIBS := $(shell $(PKG_CONFIG) --libs avahi-core)
LIB_CFLAGS += $(shell $(PKG_CONFIG) --cflags avahi-core)
else
$(info no avahi-core here:$(LAN_COMMANDS:%= %) and peer-serve --announce are left out)
LAN_SOURCES := lib/peer/lan_none.c
LAN_LIBS :=
LAN_COMMANDS :=
endif
LAN_LIBRARY := $(if $(PEER_LIBRARY)$(LAN_COMMANDS),$(BUILD)/libminimodel-lan.a)

Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1) $(2)")

LIBRARY := $(BUILD)/libminimodel.a
BINARIES := $(COMMANDS:%=$(BUILD)/bin/%)
CLI_OBJECTS := $(BUILD)/obj/cmd/cli.o $(BUILD)/obj/cmd/cli_anchor.o $(BUILD)/obj/cmd/cli_catalog.o \
	$(BUILD)/obj/cmd/cli_files.o $(BUILD)/obj/cmd/cli_oms.o $(BUILD)/obj/cmd/cli_policy.o \
	$(BUILD)/obj/cmd/cli_program.o $(BUILD)/obj/cmd/cli_ranges.o $(BUILD)/obj/cmd/cli_recheck.o \
	$(BUILD)/obj/cmd/cli_repaired.o $(BUILD)/obj/cmd/cli_sarif.o $(BUILD)/obj/cmd/cli_secret.o $(BUILD)/obj/cmd/cli_store.o \
	$(BUILD)/obj/cmd/cli_threads.o $(BUILD)/obj/cmd/cli_trust.o $(BUILD)/obj/cmd/cli_witness.o \
	$(BUILD)/obj/cmd/cli_written.o
OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
PEER_BINARIES := $(PEER_COMMANDS:%=$(BUILD)/bin/%)
LAN_BINARIES := $(LAN_COMMANDS:%=$(BUILD)/bin/%)
# what their mains share
PEER_CLI_OBJECTS := $(BUILD)/obj/cmd/cli_mend.o $(BUILD)/obj/cmd/cli_peers.o
# the parts of peer-serve; an archive, so that the others are not linked with them
SERVE_CLI_LIBRARY := $(BUILD)/obj/cmd/cli_serve.a
SERVE_CLI_OBJECTS := $(BUILD)/obj/cmd/cli_serve_announce.o $(BUILD)/obj/cmd/cli_serve_loop.o $(BUILD)/obj/cmd/cli_serve_print.o
INFER_LIBRARY := $(BUILD)/libminimodel-infer.a
INFER_BINARIES := $(INFER_COMMANDS:%=$(BUILD)/bin/%)
# what its main has beside the others'; an archive, so that nobody else is linked with it
INFER_CLI_LIBRARY := $(BUILD)/obj/cmd/cli_infer.a
INFER_CLI_OBJECTS := $(BUILD)/obj/cmd/cli_answers.o $(BUILD)/obj/cmd/cli_asked.o $(BUILD)/obj/cmd/cli_deadline.o \
	$(BUILD)/obj/cmd/cli_devices.o $(BUILD)/obj/cmd/cli_evidence.o $(BUILD)/obj/cmd/cli_traces.o

all: $(LIBRARY) $(BINARIES) $(PEER_LIBRARY) $(PEER_BINARIES) $(LAN_LIBRARY) $(LAN_BINARIES) $(INFER_LIBRARY) $(INFER_BINARIES)

$(BUILD)/obj/%.o: %.c Makefile VERSION
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Each file of lib/hash that is for some processors alone is compiled for their instructions; lib/base/processor.h says when it is
# taken. The one for the SHA instructions has no AVX whatever CFLAGS say (see there).
HASH_OBJECT := $(BUILD)/obj/lib/hash/sha256_
ifneq ($(findstring x86_64,$(MACHINE)),)
$(HASH_OBJECT)avx512.o: ALL_CFLAGS += -mavx512f -mavx512bw $(if $(findstring clang,$(shell $(CC) --version)),,-fno-schedule-insns2)
$(HASH_OBJECT)avx2.o: ALL_CFLAGS += -mavx2
$(HASH_OBJECT)shani.o: ALL_CFLAGS += -msse4.1 -msha -mno-avx
endif
ifneq ($(findstring aarch64,$(MACHINE)),)
$(HASH_OBJECT)armv8.o: ALL_CFLAGS += -march=armv8-a+crypto
endif

# So are those of lib/infer, by the end of their names.
ifneq ($(findstring x86_64,$(MACHINE)),)
$(BUILD)/obj/lib/infer/%_avx2.o: ALL_CFLAGS += -mavx2 -mfma -mf16c
$(BUILD)/obj/lib/infer/%_avx512.o: ALL_CFLAGS += -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl
$(BUILD)/obj/lib/infer/%_vnni.o: ALL_CFLAGS += -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
endif
ifneq ($(findstring aarch64,$(MACHINE)),)
$(BUILD)/obj/lib/infer/%_dotprod.o: ALL_CFLAGS += -march=armv8.2-a+dotprod+fp16
endif
# loops over blocks of weights become vectors
$(BUILD)/obj/lib/infer/kernels%.o: ALL_CFLAGS += -O3

# What the pages of a catalog carry along, as strings of C: comments and indentation stay behind, lines of a style are joined.
PAGE_FILES := page.css index.css model.css index.js copy.js
PAGE_HEADER := $(BUILD)/gen/catalog_page_files.h
$(PAGE_HEADER): $(PAGE_FILES:%=share/catalog/%) Makefile
	$(Q)mkdir -p $(@D)
	$(Q)for file in $(PAGE_FILES); do \
		case $$file in *.js) end='\n' ;; *) end= ;; esac; \
		echo "#define MM_$$(echo $$file | tr 'a-z.' 'A-Z_') \\"; \
		sed -e 's/^[[:space:]]*//' -e '/^\/\*.*\*\/$$/d' -e '/^\/\//d' -e '/^$$/d' -e 's/[\\"]/\\&/g' \
			-e "s/.*/    \"&$$(printf '%s' "$$end" | sed 's/[\\]/&&/')\" \\\\/" share/catalog/$$file && echo '    ""' || exit 1; \
	done >$@.new && mv $@.new $@
$(BUILD)/obj/lib/doc/catalog_page.o: $(PAGE_HEADER)
$(BUILD)/obj/lib/doc/catalog_page.o: ALL_CFLAGS += -I$(BUILD)/gen

# What is given to compilers of devices, as strings of C too.
KERNEL_FILES := kernels.cl opencl.h cuda.h
KERNEL_HEADER := $(BUILD)/gen/infer_sources.h
$(KERNEL_HEADER): $(KERNEL_FILES:%=share/infer/%) Makefile
	$(Q)mkdir -p $(@D)
	$(Q)for file in $(KERNEL_FILES); do \
		echo "#define MM_$$(echo $$file | tr 'a-z.' 'A-Z_') \\"; \
		sed -e 's/[\\"]/\\&/g' -e 's/.*/    "&\\n" \\/' share/infer/$$file && echo '    ""' || exit 1; \
	done >$@.new && mv $@.new $@
INFER_GPU_OBJECTS := $(BUILD)/obj/lib/infer/gpu_opencl.o $(BUILD)/obj/lib/infer/gpu_cuda.o $(BUILD)/obj/lib/infer/gpu_program.o
$(INFER_GPU_OBJECTS): $(KERNEL_HEADER)
$(INFER_GPU_OBJECTS): ALL_CFLAGS += -I$(BUILD)/gen

$(LIBRARY): $(OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(CLI_OBJECTS) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libminimodel-peer.a: $(PEER_SOURCES:%.c=$(BUILD)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/libminimodel-lan.a: $(LAN_SOURCES:%.c=$(BUILD)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(SERVE_CLI_LIBRARY): $(SERVE_CLI_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(PEER_BINARIES): $(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(PEER_CLI_OBJECTS) $(CLI_OBJECTS) $(SERVE_CLI_LIBRARY) $(PEER_LIBRARY) $(LAN_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(LAN_LIBRARY),$^) $(if $(filter peer-serve,$*),$(LAN_LIBRARY) $(LIBRARY) $(LAN_LIBS)) $(PEER_LIBS) $(LIBS)

$(LAN_BINARIES): $(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(CLI_OBJECTS) $(LAN_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LAN_LIBS) $(LIBS)

$(INFER_CLI_LIBRARY): $(INFER_CLI_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(INFER_LIBRARY): $(INFER_SOURCES:%.c=$(BUILD)/obj/%.o)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcsD $@ $^

$(INFER_BINARIES): $(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(CLI_OBJECTS) $(INFER_CLI_LIBRARY) $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm

# ---- static binaries of the core commands, for machines that have no libraries ----
# The linker is kept from warning of name look-ups in parts of libcrypto that no command reaches.

STATIC := $(COMMANDS:%=$(BUILD)/static/%) $(INFER_COMMANDS:%=$(BUILD)/static/%)
static: $(STATIC)
$(BUILD)/static/%: $(BUILD)/obj/cmd/%.o $(CLI_OBJECTS) $(INFER_CLI_LIBRARY) $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -static-pie -pthread $(LDFLAGS) -Wl,-z,relro -Wl,-z,now -Wl,--no-warnings -o $@ $^ $(shell $(PKG_CONFIG) --static --libs libcrypto libsodium zlib) -lm

# ---- tests ----

UNIT_BINARIES := $(UNIT_TESTS:%=$(BUILD)/unit/%)
CMOCKA := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)
PEER_TEST_OBJECTS := $(BUILD)/obj/tests/peer/key.o $(BUILD)/obj/tests/peer/line.o $(BUILD)/obj/tests/peer/relay.o
PEER_TEST_BINARIES := $(PEER_TESTS:%=$(BUILD)/unit/peer_%)
PEER_TOOL_BINARIES := $(PEER_TOOLS:%=$(BUILD)/peer/%)
INFER_TEST_BINARIES := $(INFER_TESTS:%=$(BUILD)/unit/infer_%)
INFER_TOOL_BINARIES := $(INFER_TOOLS:%=$(BUILD)/infer/%)
unit: $(UNIT_BINARIES) $(PEER_TEST_BINARIES) $(PEER_TOOL_BINARIES) $(INFER_TEST_BINARIES) $(INFER_TOOL_BINARIES)
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CMOCKA)

$(PEER_TEST_BINARIES): $(BUILD)/unit/peer_%: $(BUILD)/obj/tests/peer/%.o $(PEER_TEST_OBJECTS) $(PEER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PEER_LIBS) $(LIBS) $(CMOCKA)
$(PEER_TOOL_BINARIES): $(BUILD)/peer/%: $(BUILD)/obj/tests/peer/%.o $(PEER_TEST_OBJECTS) $(PEER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PEER_LIBS) $(LIBS)

$(INFER_TEST_BINARIES): $(BUILD)/unit/infer_%: $(BUILD)/obj/tests/infer/%.o $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm $(CMOCKA)
$(INFER_TOOL_BINARIES): $(BUILD)/infer/%: $(BUILD)/obj/tests/infer/%.o $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm

# Each harness serves replay (its own main), libFuzzer and AFL++ alike.
REPLAYERS := $(FUZZERS:%=$(BUILD)/fuzz/replay-%)
replayers: $(REPLAYERS)
$(BUILD)/fuzz/replay-%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm

# The commands again, with calls that fail when a test says so.
WRAPPED := malloc calloc realloc sodium_malloc strdup strndup vasprintf __vasprintf_chk read __read_chk pread64 \
	__pread64_chk write pwrite64 fsync syncfs linkat renameat open64 __open64_2 openat64 __openat64_2 fstat64 \
	fstatat64 stat64 symlinkat mkdirat unlinkat fchmod fchmodat ioctl sync_file_range sysconf ftruncate64 pthread_create fchown syscall mmap64
FAULTY := $(COMMANDS:%=$(BUILD)/fault/%) $(INFER_COMMANDS:%=$(BUILD)/fault/%)
PEER_FAULTY := $(patsubst %,$(BUILD)/fault/%,$(filter peer-fetch,$(PEER_COMMANDS)))
faulty: $(FAULTY) $(PEER_FAULTY)
$(BUILD)/fault/%: $(BUILD)/obj/cmd/%.o $(CLI_OBJECTS) $(BUILD)/obj/tests/fault/faults.o $(INFER_CLI_LIBRARY) $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LIBS) -lm
$(PEER_FAULTY): $(BUILD)/fault/%: $(BUILD)/obj/cmd/%.o $(PEER_CLI_OBJECTS) $(CLI_OBJECTS) $(BUILD)/obj/tests/fault/faults.o $(PEER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(PEER_LIBS) $(LIBS)

check: all unit replayers faulty benches $(BUILD)/tables
	$(Q)BUILD=$(BUILD) sh tests/run.sh

# make fuzz FUZZ=gguf FUZZ_SECONDS=60: libFuzzer over one harness, or over each for that long
FUZZ ?= $(FUZZERS)
FUZZ_SECONDS ?= 30
fuzz:
	$(Q)CC=clang sh tests/fuzz/run.sh "$(FUZZ)" $(FUZZ_SECONDS)

# make bench: the commands beside others' programs, as tables. make bench-growth: what larger files cost. make bench-peers:
# what passes between machines. make performance: the first two, into
# docs/performance.md. They measure, and judge nothing: no time makes them fail.
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
benches: $(BENCHES)
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(INFER_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm

bench: all benches
	$(Q)sh scripts/peers.sh bench
	$(Q)$(BUILD)/bench/sha256
	$(Q)CC="$(CC)" BUILD=$(BUILD) sh tests/bench/run.sh
	$(Q)BUILD=$(BUILD) sh tests/bench/catalogs.sh
	$(Q)CC="$(CC)" BUILD=$(BUILD) sh tests/bench/slow.sh

bench-peers: all benches $(PEER_TOOL_BINARIES)
	$(Q)BUILD=$(BUILD) sh tests/bench/peers.sh
	$(Q)BUILD=$(BUILD) sh tests/bench/peers.sh growth

# make bench-infer: models that are run, beside llama.cpp (tests/bench/infer.sh says what it takes)
bench-infer: all benches
	$(Q)BUILD=$(BUILD) sh tests/bench/infer.sh

bench-growth: all benches
	$(Q)BUILD=$(BUILD) sh tests/bench/run.sh growth -o $(BUILD)/bench/growth.tsv

performance: all benches
	$(Q)sh scripts/peers.sh bench
	$(Q)CC="$(CC)" BUILD=$(BUILD) sh tests/bench/run.sh ratios --into docs/performance.md
	$(Q)BUILD=$(BUILD) sh tests/bench/run.sh growth -o docs/performance.tsv --into docs/performance.md
	$(Q)$(PYTHON) scripts/plot.py docs/performance.tsv docs/performance.svg

# ---- what follows from the tables ----

$(BUILD)/tables: $(BUILD)/obj/scripts/tables.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

generate: $(BUILD)/tables $(BINARIES) $(INFER_BINARIES)
	$(Q)PYTHON=$(PYTHON) BUILD=$(BUILD) sh scripts/generate.sh

lint:
	$(Q)sh scripts/lint.sh

# ---- installation ----
# What is installed stands in two lists, MODE:SOURCE:TARGET, which `make uninstall` takes away again. DESTDIR goes before each target.

BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/minimodel-tools
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d

# placed MODE,FOLDER,SOURCES,TARGET-FOLDER: the SOURCES beneath FOLDER, at the same names beneath TARGET-FOLDER
placed = $(foreach file,$(3),$(1):$(file):$(patsubst $(2)/%,$(4)/%,$(file)))
TOOLS_FILES := $(call placed,755,$(BUILD)/bin,$(BINARIES) $(PEER_BINARIES) $(LAN_BINARIES) $(INFER_BINARIES),$(BINDIR)) \
	$(foreach section,1 5 7,$(call placed,644,man,$(wildcard man/*.$(section)),$(MANDIR)/man$(section))) \
	$(call placed,644,schemas,$(wildcard schemas/*.json),$(DATADIR)/minimodel/schemas) \
	$(call placed,644,share,share/minimodel.mk,$(DATADIR)/minimodel) \
	$(call placed,644,docs,$(wildcard docs/*.md docs/*.svg docs/*/*.md),$(DOCDIR)) \
	$(call placed,644,share,$(wildcard share/example-publisher/*),$(DOCDIR)) \
	$(call placed,644,share/completions/bash,share/completions/bash/minimodel,$(BASHCOMPDIR)) \
	$(foreach command,$(COMMANDS) $(PEER_COMMANDS) $(LAN_COMMANDS) $(INFER_COMMANDS),link:minimodel:$(BASHCOMPDIR)/$(command)) \
	$(call placed,644,share/completions/zsh,share/completions/zsh/_minimodel,$(ZSHCOMPDIR)) \
	$(call placed,644,share/completions/fish,$(patsubst %,share/completions/fish/%.fish,$(COMMANDS) $(PEER_COMMANDS) $(LAN_COMMANDS) $(INFER_COMMANDS)),$(FISHCOMPDIR))
DEV_FILES := $(call placed,644,$(BUILD),$(LIBRARY) $(PEER_LIBRARY) $(LAN_LIBRARY) $(INFER_LIBRARY),$(LIBDIR)) \
	$(call placed,644,$(BUILD),$(BUILD)/minimodel.pc,$(LIBDIR)/pkgconfig) \
	$(call placed,644,lib,$(PUBLIC_HEADERS),$(INCLUDEDIR)/minimodel)
# folders that hold nothing else; taken away where they are empty then, the inner ones first
OWN_FOLDERS := $(sort $(dir $(PUBLIC_HEADERS:lib/%=$(INCLUDEDIR)/minimodel/%))) $(INCLUDEDIR)/minimodel \
	$(DATADIR)/minimodel/schemas $(DATADIR)/minimodel $(DOCDIR)/formats \
	$(DOCDIR)/example-publisher $(DOCDIR)

# install_files LIST
define install_files
	$(Q)for file in $(1); do \
		mode=$${file%%:*} source=$${file#*:} target="$(DESTDIR)$${file##*:}" && source=$${source%%:*} && \
		$(INSTALL) -d "$${target%/*}" && \
		if [ "$$mode" = link ]; then ln -sf "$$source" "$$target"; else $(INSTALL) -m "$$mode" "$$source" "$$target"; fi || exit 1; done
endef

install: install-tools install-dev

install-tools: $(BINARIES) $(PEER_BINARIES) $(LAN_BINARIES) $(INFER_BINARIES)
	$(call install_files,$(TOOLS_FILES))

install-dev: $(LIBRARY) $(PEER_LIBRARY) $(LAN_LIBRARY) $(INFER_LIBRARY)
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))/minimodel' \
		'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' '' 'Name: minimodel' \
		'Description: verification of model files' 'Version: $(VERSION)' 'Requires.private: libcrypto libsodium zlib' \
		'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lminimodel' 'Libs.private: -pthread' >$(BUILD)/minimodel.pc
	$(call install_files,$(DEV_FILES))

uninstall:
	$(Q)for file in $(TOOLS_FILES) $(DEV_FILES); do rm -f "$(DESTDIR)$${file##*:}" || exit 1; done
	$(Q)for folder in $(OWN_FOLDERS); do rmdir "$(DESTDIR)$$folder" 2>/dev/null || true; done

# packages for this system, in $(BUILD)/deb
deb: all
	$(Q)BUILD=$(BUILD) MAKE="$(MAKE)" sh scripts/deb.sh

clean:
	$(Q)rm -rf build

.PHONY: all static unit replayers faulty check fuzz benches bench bench-growth bench-infer bench-peers performance generate lint install install-tools install-dev uninstall deb clean
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
