package dev.ioasid.web;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.Permissions;
import java.lang.reflect.Constructor;
import java.math.BigInteger;
import java.util.function.Function;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.jackson.autoconfigure.JsonMapperBuilderCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.cfg.MapperConfig;
import tools.jackson.databind.deser.std.StdDeserializer;
import tools.jackson.databind.introspect.Annotated;
import tools.jackson.databind.introspect.AnnotatedClass;
import tools.jackson.databind.introspect.AnnotatedMember;
import tools.jackson.databind.introspect.AnnotatedParameter;
import tools.jackson.databind.introspect.NopAnnotationIntrospector;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.type.LogicalType;

/** How JSON is read and written: strictly, 64-bit quantities as hex strings, enums in lower case. */
@Configuration(proxyBeanMethods = false)
class Json {
    @Bean
    JsonMapperBuilderCustomizer strictJson() {
        return mapper -> mapper.addModule(new WireTypes())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(
                        DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                        DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .enable(EnumFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS, MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
                .changeDefaultNullHandling(nulls -> nulls.withContentNulls(Nulls.FAIL))
                .withCoercionConfigDefaults(
                        coercions -> coercions.setCoercion(CoercionInputShape.EmptyString, CoercionAction.Fail))
                .withCoercionConfig(
                        LogicalType.Textual,
                        coercions -> coercions
                                .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                                .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                                .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail));
    }

    /** The types that read and print themselves, and the rules that need no annotation. */
    private static final class WireTypes extends SimpleModule {
        private static final long serialVersionUID = 1L;

        WireTypes() {
            super("ioasid");
            addDeserializer(Hex.class, new HexReader());
            addDeserializer(Pasid.class, new PasidReader());
            addDeserializer(Name.class, new TextReader<>(Name.class, Name::new));
            addDeserializer(Rid.class, new TextReader<>(Rid.class, Rid::parse));
            addDeserializer(Permissions.class, new TextReader<>(Permissions.class, Permissions::parse));
            addDeserializer(byte[].class, new BytesReader());
            addDeserializer(WaitTime.class, new TextReader<>(WaitTime.class, WaitTime::parse));
            addSerializer(WaitTime.class, new TextWriter<>());
            addSerializer(Hex.class, new TextWriter<>());
            addSerializer(Name.class, new TextWriter<>());
            addSerializer(Rid.class, new TextWriter<>());
            addSerializer(Permissions.class, new TextWriter<>());
            addSerializer(Pasid.class, new PasidWriter());
        }

        @Override
        public void setupModule(SetupContext context) {
            super.setupModule(context);
            context.insertAnnotationIntrospector(new Conventions());
        }
    }

    /**
     * What may not be null must be there, and enums are spelled by {@link WireName}: for the records and enums of packages
     * that are marked {@link NullMarked}.
     */
    private static final class Conventions extends NopAnnotationIntrospector {
        private static final long serialVersionUID = 1L;

        @Override
        public @Nullable Boolean hasRequiredMarker(MapperConfig<?> config, AnnotatedMember member) {
            return required(member) ? Boolean.TRUE : null;
        }

        @Override
        public JsonSetter.@Nullable Value findSetterInfo(MapperConfig<?> config, Annotated annotated) {
            return required(annotated) ? JsonSetter.Value.forValueNulls(Nulls.FAIL, Nulls.FAIL) : null;
        }

        @Override
        public String @Nullable [] findEnumValues(
                MapperConfig<?> config, AnnotatedClass type, Enum<?>[] constants, String[] names) {
            if (type.getRawType().getPackage() == Json.class.getPackage()) {
                for (int i = 0; i < constants.length; i++) {
                    names[i] = WireName.of(constants[i]);
                }
            }
            return names;
        }

        private static boolean required(Annotated annotated) {
            return annotated instanceof AnnotatedParameter parameter
                    && parameter.getOwner().getAnnotated() instanceof Constructor<?> constructor
                    && constructor.getDeclaringClass().isRecord()
                    && constructor.getDeclaringClass().getPackage().isAnnotationPresent(NullMarked.class)
                    && !constructor.getAnnotatedParameterTypes()[parameter.getIndex()].isAnnotationPresent(
                            Nullable.class);
        }
    }

    private static final class HexReader extends StdDeserializer<Hex> {
        HexReader() {
            super(Hex.class);
        }

        @Override
        public @Nullable Hex deserialize(JsonParser parser, DeserializationContext context) {
            return switch (parser.currentToken()) {
                case VALUE_STRING -> read(parser.getString(), Hex::parse, context);
                case VALUE_NUMBER_INT -> read(parser.getBigIntegerValue(), Hex::of, context);
                default -> (Hex) context.handleUnexpectedToken(Hex.class, parser);
            };
        }

        private static Hex read(String text, Function<String, Hex> reader, DeserializationContext context) {
            try {
                return reader.apply(text);
            } catch (RefusedException refused) {
                throw context.weirdStringException(text, Hex.class, Hex.EXPECTED);
            }
        }

        private static Hex read(BigInteger number, Function<BigInteger, Hex> reader, DeserializationContext context) {
            try {
                return reader.apply(number);
            } catch (RefusedException refused) {
                throw context.weirdNumberException(number, Hex.class, Hex.EXPECTED);
            }
        }
    }

    private static final class PasidReader extends StdDeserializer<Pasid> {
        PasidReader() {
            super(Pasid.class);
        }

        @Override
        public @Nullable Pasid deserialize(JsonParser parser, DeserializationContext context) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                return (Pasid) context.handleUnexpectedToken(Pasid.class, parser);
            }
            try {
                return Pasid.parse(parser.getString());
            } catch (RefusedException refused) {
                throw context.weirdNumberException(parser.getBigIntegerValue(), Pasid.class, Pasid.EXPECTED);
            }
        }
    }

    /** Bytes are a string in base64, and never an array of numbers. */
    private static final class BytesReader extends StdDeserializer<byte[]> {
        BytesReader() {
            super(byte[].class);
        }

        @Override
        public byte @Nullable [] deserialize(JsonParser parser, DeserializationContext context) {
            if (parser.currentToken() != JsonToken.VALUE_STRING) {
                return (byte[]) context.handleUnexpectedToken(byte[].class, parser);
            }
            try {
                return parser.getBinaryValue();
            } catch (StreamReadException bad) {
                throw context.weirdStringException("", byte[].class, String.valueOf(bad.getOriginalMessage()));
            }
        }
    }

    /** Reads a string by a method that refuses what it cannot read. */
    private static final class TextReader<T> extends StdDeserializer<T> {
        private final transient Function<String, T> reader;

        TextReader(Class<T> type, Function<String, T> reader) {
            super(type);
            this.reader = reader;
        }

        @Override
        @SuppressWarnings("unchecked")
        public @Nullable T deserialize(JsonParser parser, DeserializationContext context) {
            if (parser.currentToken() != JsonToken.VALUE_STRING) {
                return (T) context.handleUnexpectedToken(handledType(), parser);
            }
            var text = parser.getString();
            try {
                return reader.apply(text);
            } catch (RefusedException refused) {
                throw context.weirdStringException(text, handledType(), String.valueOf(refused.getMessage()));
            }
        }
    }

    private static final class TextWriter<T> extends ValueSerializer<T> {
        @Override
        public void serialize(T value, JsonGenerator json, SerializationContext context) {
            json.writeString(value.toString());
        }
    }

    private static final class PasidWriter extends ValueSerializer<Pasid> {
        @Override
        public void serialize(Pasid pasid, JsonGenerator json, SerializationContext context) {
            json.writeNumber(pasid.value());
        }
    }
}
