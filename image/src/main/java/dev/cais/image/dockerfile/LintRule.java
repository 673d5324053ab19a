package dev.cais.image.dockerfile;

/**
 * What is legal in a Dockerfile and most likely a mistake.
 *
 * @see <a href="https://docs.docker.com/reference/build-checks/">Docker, Build checks</a>
 */
public enum LintRule {
    STAGE_NAME_CASING("StageNameCasing"),
    FROM_AS_CASING("FromAsCasing"),
    NO_EMPTY_CONTINUATION("NoEmptyContinuation"),
    CONSISTENT_INSTRUCTION_CASING("ConsistentInstructionCasing"),
    DUPLICATE_STAGE_NAME("DuplicateStageName"),
    RESERVED_STAGE_NAME("ReservedStageName"),
    JSON_ARGS_RECOMMENDED("JSONArgsRecommended"),
    MAINTAINER_DEPRECATED("MaintainerDeprecated"),
    UNDEFINED_ARG_IN_FROM("UndefinedArgInFrom"),
    WORKDIR_RELATIVE_PATH("WorkdirRelativePath"),
    UNDEFINED_VAR("UndefinedVar"),
    MULTIPLE_INSTRUCTIONS_DISALLOWED("MultipleInstructionsDisallowed"),
    LEGACY_KEY_VALUE_FORMAT("LegacyKeyValueFormat"),
    REDUNDANT_TARGET_PLATFORM("RedundantTargetPlatform"),
    SECRETS_USED_IN_ARG_OR_ENV("SecretsUsedInArgOrEnv"),
    INVALID_DEFAULT_ARG_IN_FROM("InvalidDefaultArgInFrom"),
    FROM_PLATFORM_FLAG_CONST_DISALLOWED("FromPlatformFlagConstDisallowed"),
    EXPOSE_PROTO_CASING("ExposeProtoCasing"),
    EXPOSE_INVALID_FORMAT("ExposeInvalidFormat"),
    INVALID_BASE_IMAGE_PLATFORM("InvalidBaseImagePlatform"),
    /** Only if asked for, as is the next. */
    COPY_IGNORED_FILE("CopyIgnoredFile"),
    INVALID_DEFINITION_DESCRIPTION("InvalidDefinitionDescription");

    private final String published;

    LintRule(String published) {
        this.published = published;
    }

    /** Whether the directive {@code check} has to name it. */
    public boolean isExperimental() {
        return this == COPY_IGNORED_FILE || this == INVALID_DEFINITION_DESCRIPTION;
    }

    /** The published name: {@code StageNameCasing}. */
    @Override
    public String toString() {
        return published;
    }
}
