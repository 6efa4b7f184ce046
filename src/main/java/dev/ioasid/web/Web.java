package dev.ioasid.web;

import dev.ioasid.iommu.Rid;
import java.util.Arrays;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.convert.converter.Converter;
import org.springframework.core.convert.converter.ConverterFactory;
import org.springframework.format.FormatterRegistry;
import org.springframework.http.MediaType;
import org.springframework.web.servlet.config.annotation.ContentNegotiationConfigurer;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** How paths and queries are read. */
@Configuration(proxyBeanMethods = false)
class Web implements WebMvcConfigurer {
    static final String TEXT = MediaType.TEXT_PLAIN_VALUE;
    static final String SVG = "image/svg+xml";
    static final String BYTES = MediaType.APPLICATION_OCTET_STREAM_VALUE;
    static final String JSON = MediaType.APPLICATION_JSON_VALUE;
    static final String EVENTS = MediaType.TEXT_EVENT_STREAM_VALUE;

    @Override
    public void addFormatters(FormatterRegistry registry) {
        registry.addConverter(String.class, Hex.class, Hex::parseParameter);
        registry.addConverter(String.class, Pasid.class, Pasid::parse);
        registry.addConverter(String.class, Rid.class, Rid::parse);
        registry.addConverter(String.class, Limit.class, Limit::parse);
        registry.addConverter(String.class, WaitTime.class, WaitTime::parse);
        registry.addConverterFactory(new WireEnums());
    }

    @Override
    public void addInterceptors(InterceptorRegistry registry) {
        registry.addInterceptor(new KnownParameters()).addPathPatterns("/v1/**");
    }

    /** Where something is to be had in several forms, {@code ?format=} asks for one as {@code Accept} does. */
    @Override
    public void configureContentNegotiation(ContentNegotiationConfigurer negotiation) {
        negotiation
                .favorParameter(true)
                .parameterName("format")
                .mediaType("json", MediaType.APPLICATION_JSON)
                .mediaType("text", MediaType.TEXT_PLAIN)
                .mediaType("svg", MediaType.valueOf(SVG));
    }

    /** Reads an enum constant by its {@link WireName}. */
    private static final class WireEnums implements ConverterFactory<String, Enum<?>> {
        @Override
        @SuppressWarnings("unchecked")
        public <T extends Enum<?>> Converter<String, T> getConverter(Class<T> type) {
            return text -> (T) Arrays.stream((Enum<?>[]) type.getEnumConstants())
                    .filter(constant -> WireName.of(constant).equals(text))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(text));
        }
    }
}
