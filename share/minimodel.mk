# minimodel.mk: publish models with make. GNU make 4.3 or later, GNU find; the commands have to be in PATH.
#
# A Makefile that publishes needs little more than this, the include after the values:
#
#     MM_PUBLISHER  := me
#     MM_SECRET_KEY := me.key
#     MM_MODELS     := tiny small
#     MM_VERSION     = 1.0
#     MM_LICENSE     = Apache-2.0
#     MM_TAKEDOWN    = mailto:me@example.org
#     MM_LANE        = original
#     small/small.manifest: MM_LICENSE = MIT
#     include /usr/local/share/minimodel/minimodel.mk
#
#     make                                                 describe, sign and publish what changed
#     make check                                           the catalog is sound, and continues the one published last
#     make verify                                          the models are what their manifests say, signed by a trusted key
#     make renew                                           a new head, before the present one expires
#     make withdraw MODEL=me/tiny@2 REASON='wrong tokenizer' [NOTICE=https://...]
#
# A model is a folder: tiny is described in tiny/tiny.manifest, and is called PUBLISHER/tiny. Rules may make its files; they are
# named as what the manifest needs (small/small.manifest: small/small.slm).
#
# A manifest that was signed counts as published: the next one has a higher revision and names it as previous-manifest. It takes
# over what is not said here, such as display-name. Files that were touched and hold what they held make no new revision; a
# change of the values does. A folder that leaves MM_MODELS is not published anew; what was published stays until it is withdrawn.
#
# The catalog's folder, and $(MM_STATE), which remembers what it was made from, have to be kept: readers refuse a
# catalog that begins anew.

ifeq ($(filter grouped-target,$(.FEATURES)),)
$(error minimodel.mk: expected GNU make 4.3 or later, found $(MAKE_VERSION))
endif

ifneq ($(shell find . -maxdepth 0 -printf x 2>/dev/null),x)
$(error minimodel.mk: expected GNU find, whose -printf tells the times of files)
endif

mm_comma := ,
mm_space := $() $()
define mm_newline


endef
mm_quote := '
mm_quoted = '$(subst $(mm_quote),'\$(mm_quote)',$(1))'
mm_fault = $(error minimodel.mk: $(1))

# ---- values, which a Makefile gives before it includes this file ----

MM_CATALOG ?= catalog
MM_CATALOG_ID ?= $(MM_PUBLISHER)
MM_STATE ?= .minimodel
MM_PUBLIC_KEY ?= $(patsubst %.key,%.pub,$(MM_SECRET_KEY))
# days until the catalog's head expires; what nothing is said of takes the command's default
MM_EXPIRES_IN ?=
MM_PASSWORD_FILE ?=
MM_KEYRING ?=

# These may differ from manifest to manifest: tiny/tiny.manifest: MM_VERSION = 1.1
MM_MODEL_ID ?= $(MM_PUBLISHER)/$(basename $(@F))
MM_VERSION ?=
MM_DISPLAY_NAME ?=
MM_LICENSE ?=
MM_LICENSE_ROUTE ?=
MM_CARD_ROUTE ?=
MM_MANIFEST_ROUTE ?=
MM_TAKEDOWN ?=
MM_LANE ?=
MM_PEER_HINT ?=
MM_EXPIRES ?=
# words: each is a tag
MM_TAGS ?=
# SHA256 NAME or - NAME, one of them; further ones, evidence and roles as options, quoted for the shell, in MM_OPTIONS
MM_SOURCE ?=
MM_OPTIONS ?=
# a power of two from 64K to 64M
MM_CHUNK_SIZE ?=
# yes: chunk lists beside the files, named in the manifest
MM_CHUNK_LISTS ?=
# what is described, quoted for the shell
MM_PATHS ?= $(call mm_quoted,$(mm_folder))
# the public key's comment names it; manifest-sign notices a comment that is wrong
ifeq ($(origin MM_KEY_ID),undefined)
MM_KEY_ID := $(lastword $(shell sed 1q $(call mm_quoted,$(MM_PUBLIC_KEY)) 2>/dev/null))
endif

MM_MANIFEST_MAKE ?= manifest-make
MM_MANIFEST_SIGN ?= manifest-sign
MM_CHUNK_MERKLE ?= chunk-merkle
MM_CATALOG_BUILD ?= catalog-build
MM_SLM_VERIFY ?= slm-verify

# ---- what make would otherwise misread ----

$(foreach name,MM_PUBLISHER MM_SECRET_KEY MM_MODELS,$(if $(strip $($(name))),,$(call mm_fault,expected a value of $(name)$(mm_comma) found none)))
$(foreach name,MM_PUBLISHER MM_CATALOG MM_CATALOG_ID MM_STATE,$(if $(word 2,$($(name))),$(call mm_fault,expected one word as \
    $(name)$(mm_comma) found '$($(name))': only files inside of a model may have spaces in their names)))

# ---- what follows from the values ----

MM_MANIFESTS := $(foreach model,$(MM_MODELS:%/=%),$(model)/$(notdir $(model)).manifest)
MM_SIGNATURES := $(MM_MANIFESTS:%=%.minisig)

# the manifest's folder if it has the manifest's name, else the folder NAME beside NAME.manifest
mm_folder = $(if $(filter $(basename $(@F)),$(notdir $(@D))),$(@D),$(basename $@))
mm_option = $(if $(strip $(2)),--$(1) $(call mm_quoted,$(strip $(2))))
# the lists are always said, since what is not said is taken over from the manifest before
mm_options = $(call mm_option,model-id,$(MM_MODEL_ID)) $(call mm_option,version,$(MM_VERSION)) \
    $(call mm_option,display-name,$(MM_DISPLAY_NAME)) $(call mm_option,key-id,$(MM_KEY_ID)) \
    $(call mm_option,license,$(MM_LICENSE)) $(call mm_option,license-route,$(MM_LICENSE_ROUTE)) \
    $(call mm_option,model-card-route,$(MM_CARD_ROUTE)) $(call mm_option,manifest-route,$(MM_MANIFEST_ROUTE)) \
    $(call mm_option,takedown-route,$(MM_TAKEDOWN)) $(call mm_option,source-lane,$(MM_LANE)) \
    $(call mm_option,peer-hint,$(MM_PEER_HINT)) $(call mm_option,expires,$(MM_EXPIRES)) $(call mm_option,size,$(MM_CHUNK_SIZE)) \
    $(if $(strip $(MM_TAGS)),$(foreach tag,$(MM_TAGS),--tag $(call mm_quoted,$(tag))),--tag '') \
    $(if $(strip $(MM_SOURCE)),$(call mm_option,source,$(MM_SOURCE)),$(if $(findstring --source,$(MM_OPTIONS)),,--source '')) \
    $(if $(filter yes,$(MM_CHUNK_LISTS)),--chunk-lists $(call mm_quoted,$(mm_folder))) $(MM_OPTIONS)

mm_key = --secret-key $(call mm_quoted,$(strip $(MM_SECRET_KEY))) $(call mm_option,password-file,$(MM_PASSWORD_FILE))
mm_keyring = $(call mm_option,keyring,$(MM_KEYRING))
# Names by a file, since thousands of them are too long for a command line. It is written before the recipe runs.
mm_listed = $(shell mkdir -p $(MM_STATE))$(file >$(MM_STATE)/$(1),$(subst $(mm_space),$(mm_newline),$(strip $(2))))$(MM_STATE)/$(1)

# What a manifest was made from: the options, and of every file its name, size and time. They are compared with the record of
# the last time, because make knows no files that went away, none that came with an old time, and no names with spaces. The record
# has no LF at its end: make 4.3 takes it away at some readings only.
mm_record = $(MM_STATE)/$(subst /,+,$@).inputs
mm_inputs = $(mm_options) $(MM_PATHS) $(firstword $(shell find -L $(MM_PATHS) -name '.?*' -prune -o -type f ! -name '*.manifest' ! -name '*.minisig' \
    ! -name '*.chunks' ! -name '*.chunks.gz' -printf '%p %s %T@\n' 2>/dev/null | LC_ALL=C sort | sha256sum))
mm_same = $(and $(findstring x$(1)x,x$(2)x),$(findstring x$(2)x,x$(1)x))

# ---- manifests ----

# The last one that was published is the highest of the catalog, or the one that stands there if it is signed and no lower. One
# that differs from it in nothing but its number and time is no new revision.
define mm_describe
$(if $(strip $(MM_KEY_ID)),,$(call mm_fault,expected MM_KEY_ID$(mm_comma) or the public key in MM_PUBLIC_KEY$(mm_comma) found neither ('$(MM_PUBLIC_KEY)')))
@set -e; mkdir -p $(MM_STATE); \
for path in $(MM_PATHS); do \
    if [ ! -e "$$path" ]; then printf 'minimodel.mk: error: expected %s, found nothing of that name (in MM_MODELS a name with spaces counts as several)\n' "$$path" >&2; exit 1; fi; \
done; \
target=$(call mm_quoted,$@) new=$(call mm_quoted,$(mm_record).new) id=$(call mm_quoted,$(MM_MODEL_ID)); \
number() { sed -n 's/^revision: //p' "$$1"; }; \
said() { sed '/^revision: /d; /^previous-manifest: /d; /^created: /d' "$$1"; }; \
from=; there=$(call mm_quoted,$(MM_CATALOG))/manifests/$$id; \
last=$$(ls "$$there" 2>/dev/null | sed -n 's/^\([0-9]*\)\.manifest$$/\1/p' | sort -n | tail -n 1); \
if [ -n "$$last" ]; then from=$$there/$$last.manifest; fi; \
if [ -f "$$target.minisig" ] && grep -sqx "model-id: $$id" "$$target" && [ "$$(number "$$target")" -ge "$${last:-0}" ]; then from=$$target; fi; \
used() { grep -sF "\"model_id\":\"$$id\"" "$(MM_CATALOG)/$$1" | sed -n 's/.*"revision":\([0-9]*\).*/\1/p' | sort -n | tail -n 1; }; \
last=$$(if [ -n "$$from" ]; then number "$$from"; fi) listed=$$(used catalog.jsonl) gone=$$(used withdrawn.jsonl) revision=; \
if [ "$${listed:-0}" -gt "$${last:-0}" ]; then \
    printf 'minimodel.mk: error: expected %s with revision %s, which the catalog names, and its signature, found none: bring them back\n' "$$target" "$$listed" >&2; exit 1; \
fi; \
if [ "$${gone:-0}" -gt "$${last:-0}" ]; then revision=$$((gone + 1)); fi; \
$(MM_MANIFEST_MAKE) --force -o "$$new" $${from:+--from "$$from"} $${revision:+--revision "$$revision"} $(mm_options) -- $(MM_PATHS); \
if [ -n "$$from" ] && [ "$$(said "$$from")" = "$$(said "$$new")" ]; then \
    if [ "$$from" != "$$target" ]; then cp "$$from" "$$new"; mv "$$new" "$$target"; else touch "$$target"; rm "$$new"; fi; \
    printf 'as published\t%s\trevision %s\n' "$$target" "$$(number "$$target")"; \
else \
    rm -f "$$target.minisig"; mv "$$new" "$$target"; printf 'described\t%s\trevision %s\n' "$$target" "$$(number "$$target")"; \
fi; \
printf '%s' $(call mm_quoted,$(mm_inputs)) >"$$new" && mv "$$new" $(call mm_quoted,$(mm_record))
endef

# ---- the catalog ----

# $(1): what else catalog-build is told
define mm_publish
@set -e; mkdir -p $(MM_STATE); seen=$(MM_STATE)/catalog.head; \
number() { sed -n 's/^sequence: //p' "$$1" 2>/dev/null; }; \
was=$$(number "$$seen") is=$$(number $(MM_CATALOG)/catalog.head) || true; \
if [ "$${is:-0}" -lt "$${was:-0}" ]; then \
    printf 'minimodel.mk: error: expected the catalog with head %s, which was published, in %s, found head %s: bring it back, because readers refuse one that is behind\n' \
        "$$was" $(MM_CATALOG) "$${is:-none}" >&2; exit 1; \
fi; \
if [ -n "$$was" ] && ! cmp -s "$$seen" "$(MM_CATALOG)/heads/$$was"; then \
    printf 'minimodel.mk: error: expected the catalog whose head %s was published (%s), in %s, found another: bring it back, because readers refuse one that went another way\n' \
        "$$was" "$$seen" $(MM_CATALOG) >&2; exit 1; \
fi; \
$(MM_CATALOG_BUILD) -o $(MM_CATALOG) $(mm_key) $(mm_keyring) --catalog-id $(MM_CATALOG_ID) --publisher $(MM_PUBLISHER) \
    $(call mm_option,expires-in,$(MM_EXPIRES_IN)) $(1); \
cp $(MM_CATALOG)/catalog.head "$$seen.new" && mv "$$seen.new" "$$seen"
endef

catalog: $(MM_STATE)/catalog.head
ifneq ($(filter %.manifest %.minisig,$(.DEFAULT_GOAL)),)
.DEFAULT_GOAL := catalog # what a Makefile says of a manifest is no wish to make that alone
endif
$(MM_STATE)/catalog.head: $(MM_MANIFESTS) $(MM_SIGNATURES) $(if $(wildcard $(MM_CATALOG)/catalog.head),,mm-force)
	$(call mm_publish,--files-from $(call mm_listed,published,$(MM_MANIFESTS)))

renew:
	$(call mm_publish,--renew)

withdraw:
	$(if $(and $(MODEL),$(REASON)),,$(call mm_fault,expected MODEL=PUBLISHER/NAME or MODEL=PUBLISHER/NAME@REVISION$(mm_comma) and REASON=TEXT))
	$(call mm_publish,$(call mm_option,withdraw,$(MODEL)) $(call mm_option,reason,$(REASON)) $(call mm_option,notice,$(NOTICE)))
	@printf 'withdrawn\t%s\tnow change its files, or take it out of MM_MODELS\n' $(call mm_quoted,$(MODEL))

check:
	@$(MM_CATALOG_BUILD) --check $(mm_keyring) $(if $(wildcard $(MM_STATE)/catalog.head),--since $(MM_STATE)/catalog.head) $(MM_CATALOG)

verify:
	@status=0; while IFS= read -r manifest; do \
	    $(MM_SLM_VERIFY) -q $(mm_keyring) "$$manifest" >/dev/null && word=pass || { word=fail status=1; }; \
	    printf '%s\t%s\n' "$$word" "$$manifest"; \
	done <$(call mm_listed,verified,$(MM_MANIFESTS)); exit $$status

# All in one call, so that the key's password is asked for once, and one gibibyte is used to unlock it and not one a model.
$(MM_SIGNATURES) &: $(MM_MANIFESTS)
	@$(MM_MANIFEST_SIGN) --force $(mm_key) --files-from $(call mm_listed,signed,$(MM_MANIFESTS))
	@tr '\n' '\0' <$(call mm_listed,signatures,$(MM_SIGNATURES)) | xargs -0 touch

# ---- one file ----

%.manifest.minisig: %.manifest
	@$(MM_MANIFEST_SIGN) --force $(mm_key) $(call mm_quoted,$<)
	@touch $(call mm_quoted,$@)

%.minisig: %
	@$(MM_MANIFEST_SIGN) --any --force $(mm_key) $(call mm_quoted,$<)
	@touch $(call mm_quoted,$@)

%.chunks: %
	@$(MM_CHUNK_MERKLE) -q --force $(call mm_option,size,$(MM_CHUNK_SIZE)) --list $(call mm_quoted,$@) $(call mm_quoted,$<) >/dev/null

.PHONY: catalog renew withdraw check verify mm-force
.PRECIOUS: %.manifest %.minisig %.chunks

# From here on prerequisites are expanded twice, so that the values of each manifest are known.
.SECONDEXPANSION:
%.manifest: $$(if $$(call mm_same,$$(mm_inputs),$$(file <$$(mm_record))),,mm-force)
	$(mm_describe)
